"""The parts of the kind cluster that need no engine."""

import hashlib
import io
import json
import tarfile

import pytest

from dev.kind import cluster
from dev.kind.config import ZONE_LABEL, cluster_config
from dev.kind.manifests import extract
from dev.kind.oci import Archive, Layer


def test_workers_are_in_different_zones():
    nodes = json.loads(cluster_config())["nodes"]

    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    assert len({node["labels"][ZONE_LABEL] for node in nodes[1:]}) == 2


class Machine:
    """kind and kubectl on a machine whose cluster has so many nodes, all of them ready."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.did = []

    def run(self, *words, **_):
        words = [str(word) for word in words]
        self.did += [word for word in words if word in ("create", "delete", "apply")]
        if "create" in words:
            self.nodes = 3
        if "delete" in words:
            self.nodes = 0
        if "clusters" in words:
            return "cloudcafe\n" if self.nodes else ""
        return "\n".join(f"node/{number}" for number in range(self.nodes))

    def succeeds(self, *_, **__):
        return self.nodes > 0


@pytest.mark.parametrize(
    ("nodes", "done"),
    [(0, ["create", "apply"]), (1, ["delete", "create", "apply"]), (3, ["apply"])],
    ids=["none", "left without workers", "whole, but perhaps without the metrics server"],
)
def test_a_cluster_is_made_whole_whatever_was_left(monkeypatch, tmp_path, nodes, done):
    machine = Machine(nodes)
    monkeypatch.setattr(cluster, "LOCAL", tmp_path)
    monkeypatch.setattr(cluster, "run", machine.run)
    monkeypatch.setattr(cluster, "succeeds", machine.succeeds)
    for name in ("ensure_engine", "running", "chosen_image", "metrics_server_image"):
        monkeypatch.setattr(cluster, name, lambda: "there")
    monkeypatch.setattr(cluster, "tool", lambda name: name)

    cluster.Cluster().up()

    assert machine.did == done


@pytest.fixture
def kind_source(tmp_path):
    folder = tmp_path / "pkg/build/nodeimage"
    folder.mkdir(parents=True)
    (folder / "const_cni.go").write_text(
        'const cniImage = "kindest/kindnetd:v1"\n'
        "const defaultCNIManifest = `\nimage: ` + cniImage + `\nend\n`\n"
    )
    (folder / "const_storage.go").write_text(
        'const storageImage = "kindest/storage:v2"\nconst defaultStorageManifest = `\nplain\n`\n'
    )
    return tmp_path


def test_manifests_are_read_out_of_kinds_source(kind_source):
    files, names = extract(kind_source)

    assert files["default-cni.yaml"] == "\nimage: kindest/kindnetd:v1\nend\n"
    assert files["default-storage.yaml"] == "\nplain\n"
    assert names == ["kindest/kindnetd:v1", "kindest/storage:v2"]


def test_a_kind_that_moved_its_manifests_is_noticed(kind_source):
    (kind_source / "pkg/build/nodeimage/const_storage.go").write_text("")

    with pytest.raises(ValueError, match="defaultStorageManifest"):
        extract(kind_source)


@pytest.fixture
def archive(tmp_path):
    """Two images that share a layer, as their blobs by digest and the index."""
    shared, own = Layer(tmp_path / "shared.tar"), Layer(tmp_path / "own.tar")
    shared.text("usr/share/motd", "hello")
    shared.text("usr/share/motd", "a second file of that name is left out")
    own.link("bin", "usr/bin")
    images = Archive()
    images.image("example/one:v1", [shared], "/one")
    images.image("example/two:v2", [shared, own], None)
    images.write(tmp_path / "images.tar")
    with tarfile.open(tmp_path / "images.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    return files, json.loads(files["index.json"])["manifests"]


def test_each_blob_has_the_digest_that_it_is_named_by(archive):
    files, _ = archive

    blobs = {name: content for name, content in files.items() if name.startswith("blobs/sha256/")}
    assert len(blobs) == 6  # two layers, two configurations, two manifests
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def test_images_are_found_by_name_and_share_layers(archive):
    files, index = archive

    manifests = {
        entry["annotations"]["io.containerd.image.name"]: json.loads(
            files[f"blobs/{entry['digest'].replace(':', '/')}"]
        )
        for entry in index
    }
    one, two = manifests["example/one:v1"]["layers"], manifests["example/two:v2"]["layers"]
    assert one[0] == two[0]
    assert len(two) == 2


def test_a_layer_has_parents_before_children_and_each_path_once(archive):
    files, index = archive

    manifest = json.loads(files[f"blobs/{index[0]['digest'].replace(':', '/')}"])
    content = files[f"blobs/{manifest['layers'][0]['digest'].replace(':', '/')}"]
    with tarfile.open(fileobj=io.BytesIO(content)) as layer:
        assert layer.getnames() == ["usr", "usr/share", "usr/share/motd"]
