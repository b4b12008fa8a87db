"""The declarations, checked and joined: every type knows its C name, every field its C type and descriptor."""
import json

from names import constant, member, snake
from parse import SCALARS, Bad, Field, Type

C_SCALAR = {'BOOL': 'bool', 'INT32': 'int32_t', 'INT64': 'int64_t', 'DOUBLE': 'double', 'STRING': 'struct str',
            'BYTES': 'struct str', 'TIME': 'struct time', 'MICRO_TIME': 'struct time', 'DURATION': 'int64_t',
            'QUANTITY': 'struct str', 'INT_OR_STRING': 'struct int_or_str', 'JSON': 'struct str'}
C_PLURAL = {'bool': 'bool', 'int32_t': 'int32', 'int64_t': 'int64', 'struct str': 'str', 'struct time': 'time'}
OPAQUE = {'RawExtension': 'raw_extension_type', 'FieldsV1': 'fields_v1_type', 'JSON': 'json_type'}
# Where a group's own types may come from without saying so.
COMMON = ('meta_v1', 'core_v1')


class Model:
    def __init__(self, apis):
        self.apis = apis
        self.declare_common()
        self.name_types()
        self.plurals = set()  # C struct types of which vectors, of which maps are needed: ('vec', type)
        for api in apis.values():
            api.uses = set()
            for t in api.types.values():
                self.check(t)

    def declare_common(self):
        """What every kind has: kind and apiVersion in front, and a list kind when it is served."""
        for api in self.apis.values():
            for t in [t for t in api.types.values() if t.what == 'kind']:
                t.fields.insert(0, Field('', 'TypeMeta', 'INLINE', 0, {}, t.where))
                if 'metadata' not in [f.name for f in t.fields] or t.name + 'List' in api.types or 'virtual' in t.attrs:
                    continue
                if [f for f in t.fields if f.name == 'metadata'][0].type != 'ObjectMeta':
                    continue
                doc = f'A list of {t.attrs["resource"][0] if "resource" in t.attrs else t.name}.'
                ls = Type('kind', t.name + 'List', [], t.c_name and t.c_name + '_list', api, t.where, doc)
                ls.fields = [Field('', 'TypeMeta', 'INLINE', 0, {}, t.where),
                             Field('metadata', 'ListMeta', 'ONE', 1, {'optional': True}, t.where,
                                   'What applies to the list as a whole: its version, and where to continue.'),
                             Field('items', t.name, 'LIST', 2, {}, t.where, 'The items.')]
                ls.list_of = t
                api.types[ls.name] = ls

    def name_types(self):
        owners = {}
        for api in self.apis.values():
            for t in api.types.values():
                owners.setdefault(t.name, []).append(api)
        for api in self.apis.values():
            for t in api.types.values():
                prefix = ''
                if len(owners[t.name]) > 1 and api.id not in COMMON:
                    same = [a for a in owners[t.name] if a.name == api.name]
                    prefix = (api.id if len(same) > 1 else api.name) + '_'
                t.c = t.c_name or prefix + snake(t.name)

    def find(self, api, name, where):
        if '.' in name:
            group, name = name.split('.')
            homes = [a for a in self.apis.values() if a.name == group]
        else:
            homes = [api] + [self.apis[c] for c in COMMON if c in self.apis]
        for home in homes:
            if name in home.types:
                return home.types[name]
        raise Bad(f'{where}: no type {name}')

    def check(self, t):
        api = t.api
        for f in t.fields:
            f.member = member(f.name)
            f.ref = None
            f.opaque = None
            f.enum = None
            if f.type in SCALARS:
                f.kind = SCALARS[f.type]
                f.c_elem = C_SCALAR[f.kind]
                f.opaque = OPAQUE.get(f.type)
            else:
                ref = self.find(api, f.type, f.where)
                if ref.api is not api:
                    api.uses.add(ref.api.id)
                if ref.what == 'enum':
                    f.kind, f.c_elem, f.enum = 'STRING', 'struct str', ref
                else:
                    f.kind, f.c_elem, f.ref = 'STRUCT', f'struct {ref.c}', ref
            if f.shape in ('LIST', 'MAP'):
                suffix = 'vec' if f.shape == 'LIST' else 'map'
                if f.ref:
                    self.plurals.add((suffix, f.ref.c))
                    f.c_type = f'struct {f.ref.c}_{suffix}'
                else:
                    f.c_type = f'struct {C_PLURAL[f.c_elem]}_{suffix}'
            else:
                f.c_type = f.c_elem + (' *' if f.shape == 'OPTIONAL' else ' ')
            w = f.words
            f.omit_empty = ('optional' in w or 'omitempty' in w or f.shape == 'OPTIONAL') and 'always' not in w
            f.required = f.shape != 'INLINE' and ('required' in w or not ('optional' in w or f.shape == 'OPTIONAL'))
            if 'default' in w:
                json.loads(w['default'])

    def flat(self, t):
        """All fields as JSON shows them, inlined ones among them: (path of members that lead there, field)."""
        out = []
        for f in t.fields:
            out += self.flat(f.ref) if f.shape == 'INLINE' else [(t, f)]
        return out

    def enum_constants(self, e):
        return [(f'{e.c.upper()}_{v.alias or constant(v.text)}', v)
                for v in e.values]

    def ordered(self, api):
        """Structs, each behind those it holds by value."""
        done, out = set(), []

        def visit(t):
            if t.name in done or t.what == 'enum':
                return
            done.add(t.name)
            for f in t.fields:
                if f.ref and f.shape in ('ONE', 'INLINE') and f.ref.api is api:
                    visit(f.ref)
            out.append(t)

        for t in list(api.types.values()):
            visit(t)
        return out
