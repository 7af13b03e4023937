"""The custom resources as frozen models; the CRDs are generated from them."""
