"""Where the operator's code calls the Kubernetes API, and on what. Used by `generate_rbac.py`.

A call is known by the name of what is called (`self.kubernetes.get(…)`), so whatever may be called
must bear that name; its kind by its first argument, followed through names and helpers of the same
module. What cannot be followed is returned as it is written, and declared in `generate_rbac.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

from cloudcafe_operator import kinds
from cloudcafe_operator.generate_rbac_verbs import FIXED, LISTS, MAKES, OF_ONE, VERBS
from cloudcafe_operator.ports import Resource

KINDS = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, Resource)}
#: What the ports must be called, wherever they are held.
NAMES = {"Kubernetes": "kubernetes", "KubernetesApi": "kubernetes", "Lists": "lists"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Top = Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Call:
    """One call: of which kinds, and in which namespaces, both as far as the source says."""

    module: str  # effects/lease.py
    line: int
    within: str  # the function or class of the module
    method: str
    kinds: tuple[Resource, ...]
    unknown: tuple[str, ...]  # arguments that could not be followed
    namespaces: tuple[str, ...]  # as they are written; "": none is

    def __str__(self) -> str:
        """Return the place."""
        return f"{self.module}:{self.line}"


class Module:
    """One source file, and the calls that it makes."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree = ast.parse(text)
        self._parents: dict[ast.AST, ast.AST] = {}
        self._nodes: list[ast.AST] = [self.tree]
        for node in self._nodes:  # it grows meanwhile
            for one in ast.iter_child_nodes(node):
                self._parents[one] = node
                self._nodes.append(one)
        self._functions = {node.name: node for node in self._nodes if isinstance(node, Function)}
        self.calls = tuple(self._calls())

    def _calls(self) -> Iterator[Call]:
        """Yield the calls of the API and of the shared lists, and what stands for others."""
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "kopf.operator":
                yield self._call(node, "kopf.operator", unknown=("kopf.operator",))
            elif isinstance(node, ast.Constant) and node.value == "blockOwnerDeletion":
                yield self._call(node, node.value, unknown=(node.value,))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                held, method = _last_name(node.func.value), node.func.attr
                if held == "kubernetes" and method in VERBS:
                    yield self._api_call(node, method)
                elif held == "lists" and (kind := LISTS.get(method)):
                    yield self._call(node, "list", found=(kind,))
                elif held == "lists" and method in LISTS:
                    yield self._api_call(node, "list")

    def problems(self, *, forwards: bool) -> Iterator[str]:
        """Yield what keeps calls from being found; who forwards may hold a port by any name."""
        for node in self._nodes:
            match node:
                case ast.Attribute():
                    said = self._misused(node)
                case ast.arg() | ast.AnnAssign() if not forwards:
                    said = _misnamed(node)
                case ast.Assign():
                    said = _renamed(node)
                case ast.Import() | ast.ImportFrom():
                    said = _hidden(node)
                case _:
                    continue
            if said:
                yield f"{self.name}:{node.lineno}: {said}"

    def imported(self) -> Iterator[tuple[str, str]]:
        """Yield what is imported from other modules of the faults: module and name."""
        package = "cloudcafe_operator.faults."
        for node in self._nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                for one in node.names:
                    yield f"faults/{(node.module or '').removeprefix(package)}.py", one.name

    def reached(self, start: str) -> set[str]:
        """Return the functions that a function of the module may call, itself among them."""
        tops = {node.name: node for node in self.tree.body if isinstance(node, Top)}
        found: set[str] = set()
        todo = {start} & tops.keys()
        while todo:
            name = todo.pop()
            found.add(name)
            said = {node.id for node in ast.walk(tops[name]) if isinstance(node, ast.Name)}
            todo |= (said & tops.keys()) - found
        return found

    def _api_call(self, node: ast.Call, method: str) -> Call:
        if method in FIXED:
            return self._call(node, method, found=(FIXED[method],))
        if not node.args:
            return self._call(node, method, unknown=() if method == "close" else ("nothing",))
        said = list(self._kinds(node.args[0]))
        return self._call(
            node,
            method,
            found=tuple(one for one in said if isinstance(one, Resource)),
            unknown=tuple(one for one in said if isinstance(one, str)),
            namespaces=tuple(sorted({*self._namespaces(node, method)})),
        )

    def _call(
        self,
        node: ast.Call | ast.Attribute | ast.Constant,
        method: str,
        *,
        found: tuple[Resource, ...] = (),
        unknown: tuple[str, ...] = (),
        namespaces: tuple[str, ...] = (),
    ) -> Call:
        within: ast.AST = node
        while (outer := self._parents[within]) is not self.tree:
            within = outer
        name = within.name if isinstance(within, Top) else ""
        return Call(self.name, node.lineno, name, method, found, unknown, namespaces)

    def _kinds(self, argument: ast.expr) -> Iterator[Resource | str]:
        for one in self._origins(argument):
            if isinstance(one, ast.Name) and one.id in KINDS:
                yield KINDS[one.id]
            elif isinstance(one, ast.Call) and _is_ref(one) and one.args:
                yield from self._kinds(one.args[0])
            else:
                yield ast.unparse(one)

    def _namespaces(self, node: ast.Call, method: str) -> Iterator[str]:
        """Yield the namespaces of a call; of a reference that is not followed, the reference."""
        for keyword in node.keywords:
            if keyword.arg == "namespace":
                yield ast.unparse(keyword.value)
        for manifest in self._origins(node.args[1]) if method in MAKES else ():
            metas = self._items(manifest, "metadata")
            places = [place for meta in metas for place in self._items(meta, "namespace")]
            yield from map(ast.unparse, places) if places else ("",)
        for one in self._origins(node.args[0]) if method in OF_ONE else ():
            if isinstance(one, ast.Call) and _is_ref(one):
                yield ast.unparse(one.args[2]) if one.args[2:] else ""
            else:
                yield ast.unparse(one)

    def _items(self, mapping: ast.expr, key: str) -> Iterator[ast.expr]:
        if isinstance(mapping, ast.Dict):
            for name, value in zip(mapping.keys, mapping.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    yield from self._origins(value)

    def _origins(self, expression: ast.expr) -> Iterator[ast.expr]:
        """Yield what an expression stands for: what a name was set to, what a helper returns."""
        found: Sequence[ast.expr] = ()
        if isinstance(expression, ast.Name):
            found = self._values(expression)
        elif isinstance(expression, ast.IfExp):
            found = (expression.body, expression.orelse)
        elif isinstance(expression, ast.Call) and (helper := self._helper(expression.func)):
            returns = (node for node in ast.walk(helper) if isinstance(node, ast.Return))
            found = [node.value for node in returns if node.value]
        if found:
            yield from chain.from_iterable(self._origins(one) for one in found)
        else:
            yield expression

    def _helper(self, called: ast.expr) -> Function | None:
        """Return the function or the method of this module that is called."""
        match called:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._functions.get(name)
        return None

    def _values(self, name: ast.Name) -> Sequence[ast.expr]:
        """Return all that a name is set to where it is used; nothing where one is not known."""
        scope: ast.AST = name
        while scope is not self.tree:
            scope = self._parents[scope]
            if not isinstance(scope, Function | ast.Module):
                continue
            inside = list(ast.walk(scope))
            if any(isinstance(node, ast.arg) and node.arg == name.id for node in inside):
                return ()
            stored = [node for node in inside if isinstance(node, ast.Name) and node.id == name.id]
            stored = [node for node in stored if isinstance(node.ctx, ast.Store)]
            if stored:
                values = [self._value(node) for node in stored]
                known = [value for value in values if value is not None]
                return known if len(known) == len(values) else ()
        return ()

    def _value(self, stored: ast.Name) -> ast.expr | None:
        """Return what a name is set to; None where it is one of several, or of a loop."""
        match self._parents[stored]:
            case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
                return value
        return None

    def _misused(self, node: ast.Attribute) -> str | None:
        held, name, parent = _last_name(node.value), node.attr, self._parents[node]
        if held not in NAMES.values():
            return None
        if name not in (VERBS if held == "kubernetes" else LISTS):
            return f"{held}.{name} is unknown: say in generate_rbac_verbs.py what it needs"
        if not (isinstance(parent, ast.Call) and parent.func is node):
            return f"{held}.{name} is used and not called: call it, else its kind is not found"
        return None


@cache
def module(name: str, text: str) -> Module:
    """Return a source file, read once."""
    return Module(name, text)


def _is_ref(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "Ref"


def _last_name(node: ast.AST) -> str:
    """Return `kubernetes` for `self._kubernetes`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return name.lstrip("_")
    return ""


def _misnamed(node: ast.arg | ast.AnnAssign) -> str | None:
    held = _last_name(node if isinstance(node, ast.arg) else node.target)
    said = ast.walk(node.annotation) if node.annotation else ()
    for one in said:
        wanted = NAMES.get(one.id) if isinstance(one, ast.Name) else None
        if wanted and held != wanted:
            return f"{held} is a port: call it {wanted}, else its calls are not found"
    return None


def _renamed(node: ast.Assign) -> str | None:
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        for new, old in pairs:
            held = _last_name(old)
            if held in NAMES.values() and _last_name(new) != held:
                return f"{held} gets another name: keep it, else its calls are not found"
    return None


def _hidden(node: ast.Import | ast.ImportFrom) -> str | None:
    """Say where kopf gets another name."""
    found = [one.name for one in node.names if one.asname or isinstance(node, ast.ImportFrom)]
    within = node.module if isinstance(node, ast.ImportFrom) else None
    if any((within or name).partition(".")[0] == "kopf" for name in found):
        return "kopf gets another name: import it whole, else it is not found what it watches"
    return None
