"""The kinds as Protobuf (proto2), under the names and paths that Kubernetes' own files have, for clients in any
language: OUT/k8s.io/api/core/v1/generated.proto and so on."""
import os
import re

# What is declared as a scalar, and a message in Protobuf: (package, message).
META, RUNTIME = 'k8s.io.apimachinery.pkg.apis.meta.v1', 'k8s.io.apimachinery.pkg.runtime'
SPECIAL = {
    'Time': (META, 'Time'), 'MicroTime': (META, 'MicroTime'), 'Duration': (META, 'Duration'),
    'FieldsV1': (META, 'FieldsV1'), 'RawExtension': (RUNTIME, 'RawExtension'),
    'Quantity': ('k8s.io.apimachinery.pkg.api.resource', 'Quantity'),
    'IntOrString': ('k8s.io.apimachinery.pkg.util.intstr', 'IntOrString'),
    'JSON': ('k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1', 'JSON'),
}
MESSAGES = {
    META: ['Time { optional int64 seconds = 1; optional int32 nanos = 2; }',
           'MicroTime { optional int64 seconds = 1; optional int32 nanos = 2; }',
           'Duration { optional int64 duration = 1; }', 'FieldsV1 { optional bytes Raw = 1; }'],
    RUNTIME: ['RawExtension { optional bytes raw = 1; }',
              'TypeMeta { optional string apiVersion = 1; optional string kind = 2; }',
              'Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; optional string contentEncoding = 3; '
              'optional string contentType = 4; }'],
    'k8s.io.apimachinery.pkg.api.resource': ['Quantity { optional string string = 1; }'],
    'k8s.io.apimachinery.pkg.util.intstr':
        ['IntOrString { optional int64 type = 1; optional int32 intVal = 2; optional string strVal = 3; }'],
    'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1': ['JSON { optional bytes raw = 1; }'],
}
INLINED = {'ProbeHandler': 'handler'}  # upstream's names of inlined structs, where these are not the struct's
DOCS = {'Unknown': 'What every request and response is: "k8s\\0" and this, with the object in raw.'}


def package(api):
    """io.k8s.api.apps.v1 -> k8s.io.api.apps.v1"""
    return re.sub(r'^io\.k8s\.', 'k8s.io.', api.package).replace('-', '_')


def path(name):
    """k8s.io.kube_aggregator.pkg.apis -> k8s.io/kube-aggregator/pkg/apis/generated.proto"""
    return 'k8s.io/' + name.removeprefix('k8s.io.').replace('.', '/').replace('_', '-') + '/generated.proto'


def field_name(f):
    if not f.name:
        return INLINED.get(f.ref.name) or f.ref.name[0].lower() + f.ref.name[1:]
    words = f.name.lstrip('$').split('-')
    return words[0] + ''.join(w[0].upper() + w[1:] for w in words[1:])


class Proto:
    def __init__(self, api):
        self.package, self.api, self.imports, self.body = package(api), api, set(), []

    def type_of(self, f):
        if f.enum or f.type == 'string':
            return 'string'
        if f.ref or f.type in SPECIAL:
            home, name = (package(f.ref.api), f.ref.name) if f.ref else SPECIAL[f.type]
            if home == self.package:
                return name
            self.imports.add(path(home))
            return '.' + home + '.' + name
        return {'int32': 'int32', 'int64': 'int64', 'bool': 'bool', 'bytes': 'bytes', 'double': 'double'}[f.type]

    def field(self, f):
        kind = self.type_of(f)
        kind = {'LIST': 'repeated ' + kind, 'MAP': f'map<string, {kind}>'}.get(f.shape, 'optional ' + kind)
        doc = [f'  // {f.doc}'] if f.doc else []
        return doc + [f'  {kind} {field_name(f)} = {f.number};']

    def message(self, t):
        fields = [line for f in t.fields if f.number for line in self.field(f)]
        doc = [f'// {t.doc}'] if t.doc else []
        self.body += ['', *doc, f'message {t.name} {{', *fields, '}']

    def text(self):
        for t in self.api.types.values():
            if t.what != 'enum':
                self.message(t)
        return text(self.package, sorted(self.imports), self.body + special(self.package))


def special(home):
    out = []
    for m in MESSAGES.get(home, []):
        doc = DOCS.get(m.split()[0])
        out += ['', *([f'// {doc}'] if doc else []), 'message ' + m]
    return out


def text(home, imports, body):
    head = ['// Made by tools/apigen from api/.', 'syntax = "proto2";', '', f'package {home};']
    return '\n'.join(head + ([''] if imports else []) + [f'import "{i}";' for i in imports] + body) + '\n'


def protos(model, write, out):
    files = {path(home): text(home, [], special(home)) for home in MESSAGES}
    for api in model.apis.values():
        if any(f.number for t in api.types.values() for f in t.fields):
            files[path(package(api))] = Proto(api).text()
    for name, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
        write(os.path.join(out, name), content)
