"""The project's container images, built from ordinary Dockerfiles in seconds."""
