"""Reads api/*.api. The language:

    # a comment
    api apps v1                          the group and version that this file belongs to
        group apps                       its name on the wire, where it differs from the word above
        package io.k8s.api.apps.v1       in OpenAPI

    kind Deployment                      a struct with kind and apiVersion in front
            Text indented by eight documents what stands above it.
        resource deployments namespaced  it is served; the lines up to the first field say how
        spec: DeploymentSpec = 2 optional
    struct DeploymentSpec
        replicas: int32? = 1 default(1) min(0)
        inline Other = 3                 Other's fields are this one's own
    enum DeploymentStrategyType          strings; `open` where others are allowed as well
        Recreate

Types: T, T? (may be absent: Go's pointer), [T], {T} (a map from strings). `group.T` is another group's. The number is
Protobuf's; without one the field is in JSON only.

A plain field is required and always in JSON. Words say otherwise:
    optional  may be empty, and is then left out of JSON       always      written although it is optional
    required  although it is a pointer                         omitempty   left out when empty, although required
    omitzero  a zero time is left out too                      writeOnly   accepted, never stored
    default(JSON) min(n) max(n) minLength(n) maxLength(n) minItems(n) maxItems(n) format(name) immutable
    atomic, set, key(field, ...)         how server-side apply merges a list
    merge, merge(field), retainKeys      how a strategic merge patch does
    gate(Feature)                        upstream's feature gate
Words behind a struct's name: union (at most one field is set), atomic, bare (JSON has the only field itself), either
(JSON has whichever field is set), as c_name.

How a kind is served:
    resource PLURAL [namespaced]    short NAME ...    categories NAME ...    verbs VERB ... (all, unless virtual)
    subresources NAME ...           scale SPEC-PATH STATUS-PATH SELECTOR-PATH
    named FORMAT                    what names must look like (schema/format.h); dns1123-subdomain unless said
    stored PREFIX                   keys in the store        stored-as VERSION   another version's form is stored
    preferred, generation, virtual  see RESOURCE_ flags      durable later       acknowledged before the sync
    select FIELD-PATH               field selectors may name it
    deprecated TEXT                 what clients that use it are told
    column "NAME" TYPE[(FORMAT)] [PATH] [wide]
"""
import json
import re
from dataclasses import dataclass, field as dc_field

SCALARS = {'bool': 'BOOL', 'int32': 'INT32', 'int64': 'INT64', 'double': 'DOUBLE', 'string': 'STRING',
           'bytes': 'BYTES', 'Time': 'TIME', 'MicroTime': 'MICRO_TIME', 'Duration': 'DURATION',
           'Quantity': 'QUANTITY', 'IntOrString': 'INT_OR_STRING', 'RawExtension': 'JSON', 'FieldsV1': 'JSON',
           'JSON': 'JSON'}
FIELD = re.compile(r'(?:(?P<name>[$\w-]+):|inline) (?P<type>[\w.?\[\]{}]+)(?: = (?P<number>\d+))?(?: (?P<words>.*))?$')
WORD = re.compile(r'([A-Za-z-]+)(?:\(((?:[^()"]|"[^"]*")*)\))?\s*')
FLAGS = {'optional', 'always', 'required', 'omitempty', 'omitzero', 'atomic', 'set', 'merge', 'retainKeys', 'replace',
         'immutable', 'deprecated', 'writeOnly'}
ARGS = {'key', 'merge', 'default', 'min', 'max', 'minLength', 'maxLength', 'minItems', 'maxItems', 'format', 'gate'}


@dataclass(eq=False)
class Field:
    name: str                     # '' when inlined
    type: str                     # the element's: string, PodSpec, core.PodSpec ...
    shape: str                    # ONE OPTIONAL LIST MAP INLINE
    number: int
    words: dict
    where: str
    doc: str = ''


@dataclass(eq=False)
class Value:
    text: str
    alias: str
    doc: str = ''


@dataclass(eq=False)
class Type:
    what: str                     # kind, struct, enum
    name: str
    words: list
    c_name: str                   # given with `as`, or ''
    api: 'Api'
    where: str
    doc: str = ''
    fields: list = dc_field(default_factory=list)
    values: list = dc_field(default_factory=list)
    attrs: dict = dc_field(default_factory=dict)      # of a kind: how it is served
    columns: list = dc_field(default_factory=list)


@dataclass(eq=False)
class Column:
    name: str
    type: str
    format: str
    path: str
    wide: bool
    doc: str = ''


@dataclass(eq=False)
class Api:
    name: str
    version: str
    group: str = None
    package: str = ''
    types: dict = dc_field(default_factory=dict)

    @property
    def id(self):
        return f'{self.name}_{self.version}'

    @property
    def api_version(self):
        return f'{self.group}/{self.version}' if self.group else self.version


class Bad(Exception):
    pass


def parse_words(text, where):
    words, at = {}, 0
    while at < len(text):
        m = WORD.match(text, at)
        if not m:
            raise Bad(f'{where}: cannot read "{text[at:]}"')
        word, arg = m.groups()
        if (word not in FLAGS if arg is None else word not in ARGS):
            raise Bad(f'{where}: unknown word "{word}"')
        words[word] = True if arg is None else arg
        at = m.end()
    return words


def parse_field(text, where):
    m = FIELD.match(text)
    if not m:
        raise Bad(f'{where}: not a field: {text}')
    t, shape = m['type'], 'ONE'
    if t.endswith('?'):
        t, shape = t[:-1], 'OPTIONAL'
    elif t[0] in '[{':
        t, shape = t[1:-1], 'LIST' if t[0] == '[' else 'MAP'
    if m['name'] is None:
        shape = 'INLINE'
    return Field(m['name'] or '', t, shape, int(m['number'] or 0), parse_words(m['words'] or '', where), where)


def parse_value(text, where):
    m = re.match(r'("[^"]*"|\w+)(?: as (\w+))?$', text)
    if not m:
        raise Bad(f'{where}: not a value: {text}')
    v = m[1]
    return Value(json.loads(v) if v[0] == '"' else v, m[2] or '')


def parse_attr(t, text, where):
    word, _, rest = text.partition(' ')
    if word == 'column':
        m = re.match(r'("[^"]*") (\w+)(?:\((\w+)\))?(?: (\.\S+))?( wide)?$', rest)
        if not m:
            raise Bad(f'{where}: not a column: {text}')
        t.columns.append(Column(json.loads(m[1]), m[2], m[3] or '', m[4] or '', bool(m[5])))
        return t.columns[-1]
    if word == 'select':
        t.attrs.setdefault('select', []).append(rest)
    else:
        t.attrs[word] = rest.split()
    return None


def parse(path, apis):
    """Adds what one file declares to apis (by id: apps_v1)."""
    api = t = documented = None
    for n, line in enumerate(open(path, encoding='utf-8'), 1):
        where = f'{path}:{n}'
        text = line.strip()
        indent = len(line) - len(line.lstrip(' '))
        if not text or text.startswith('#'):
            continue
        if indent == 0:
            what, *rest = text.split()
            if what == 'api':
                key = '_'.join(rest)
                api = apis.setdefault(key, Api(rest[0], rest[1], rest[0]))
                t = None
            elif what in ('kind', 'struct', 'enum'):
                name, words, c_name = rest[0], rest[1:], ''
                if 'as' in words:
                    c_name = words.pop(words.index('as') + 1)
                    words.remove('as')
                if name in api.types:
                    raise Bad(f'{where}: {name} is declared twice')
                documented = t = api.types[name] = Type(what, name, words, c_name, api, where)
            else:
                raise Bad(f'{where}: expected api, kind, struct or enum')
        elif indent == 8:
            if documented is None:
                raise Bad(f'{where}: text about nothing')
            documented.doc = f'{documented.doc} {text}'.strip()
        elif indent != 4:
            raise Bad(f'{where}: indent by four, or by eight for text')
        elif t is None:
            word, _, rest = text.partition(' ')
            setattr(api, word, rest.strip('"'))
        elif t.what == 'enum':
            documented = parse_value(text, where)
            t.values.append(documented)
        elif FIELD.match(text):
            documented = parse_field(text, where)
            t.fields.append(documented)
        else:
            documented = parse_attr(t, text, where)
