"""Writes kinds/GROUP_VERSION.c: the descriptors of schema/desc.h."""
from headers import c_string

VERBS = 'create delete deletecollection get list patch update watch'.split()
SHAPE_FLAGS = {'atomic': 'FIELD_ATOMIC', 'set': 'FIELD_LIST_SET', 'key': 'FIELD_LIST_MAP', 'merge': 'FIELD_PATCH_MERGE',
               'retainKeys': 'FIELD_PATCH_REPLACE_KEYS', 'immutable': 'FIELD_IMMUTABLE',
               'deprecated': 'FIELD_DEPRECATED', 'writeOnly': 'FIELD_WRITE_ONLY',
               'omitzero': 'FIELD_OMIT_ZERO'}
TYPE_FLAGS = {'atomic': 'TYPE_ATOMIC', 'bare': 'TYPE_BARE', 'either': 'TYPE_EITHER'}

# The gates that Kubernetes v1.36 leaves closed unless it is told otherwise.
CLOSED_GATES = {'ClusterTrustBundleProjection', 'ContainerStopSignals', 'CoordinatedLeaderElection',
                'CrossNamespaceVolumeDataSource', 'DRAListTypeAttributes', 'DRANodeAllocatableResources',
                'GenericWorkload', 'ImageVolumeWithDigest', 'PodCertificateProjection', 'VolumeLimitScaling'}


def is_closed(f):
    return any(g.strip() in CLOSED_GATES for g in str(f.words.get('gate', '')).split(','))


def leads_to_closed(t, seen):
    """Whether the type, or what is in it, has fields behind closed gates."""
    if t in seen:
        return False
    seen.add(t)
    return any(is_closed(f) or (f.ref and leads_to_closed(f.ref, seen)) for f in t.fields)


def s(text):
    return f'S({c_string(text)})'


def slot_hash(name):
    """The same as type_hash in schema/desc.c."""
    b = name.encode()
    return ((len(b) * 31 + b[0]) * 31 + b[len(b) // 2]) * 31 + b[-1]


class Tables:
    def __init__(self, model, api):
        self.model, self.api, self.o, self.once = model, api, [], {}

    def shared(self, decl, init):
        """A static constant, made once for all that want the same."""
        key = decl + init
        if key not in self.once:
            self.once[key] = f'k{len(self.once)}'
            self.o.append(f'static const {decl.replace("@", self.once[key])} = {init};')
        return self.once[key]

    def strings(self, texts):
        return self.shared(f'struct str @[{len(texts)}]', '{' + ', '.join(map(s, texts)) + '}') if texts else 'NULL'

    def rules(self, f):
        w, parts = f.words, []
        if 'default' in w:
            parts.append(f'.default_json = {s(w["default"])}')
        if f.enum:
            parts.append(f'.type_name = {s(go_name(f.enum))}')
            if 'open' not in f.enum.words and f.enum.values:
                values = [v.text for v in f.enum.values]
                parts.append(f'.enumeration = {self.strings(values)}, .n_enumeration = {len(values)}')
        for word in ('min', 'max'):
            if word in w:
                parts.append(f'.has_{word} = true, .{word} = {w[word]}')
        for word, c in (('minLength', 'min_length'), ('maxLength', 'max_length'), ('minItems', 'min_items'),
                        ('maxItems', 'max_items')):
            if word in w:
                parts.append(f'.{c} = {w[word]}')
        for word, c in (('format', 'format'), ('gate', 'feature_gate')):
            if word in w:
                parts.append(f'.{c} = {s(w[word])}')
        return '&' + self.shared('struct field_rules @', '{' + ', '.join(parts) + '}') if parts else 'NULL'

    def field(self, t, f):
        w = f.words
        flags = [c for word, c in SHAPE_FLAGS.items() if word in w]
        if is_closed(f):
            flags.append('FIELD_CLOSED')
        if f.omit_empty:
            flags.append('FIELD_OMIT_EMPTY')
        if f.required:
            flags.append('FIELD_REQUIRED')
        if 'union' in t.words:
            flags.append('FIELD_UNION')
        first = self.model.flat(f.ref)[0][1] if f.shape == 'INLINE' else f
        parts = [f'{s(f.name)}', f'{s(f.doc)}',
                 f'&{f.ref.c}_type' if f.ref else f'&{f.opaque}' if f.opaque else 'NULL', self.rules(f)]
        keys = [k.strip() for k in w['key'].split(',')] if 'key' in w else []
        merge = w.get('merge')
        parts += [self.strings(keys), s(merge if merge and merge is not True else ''),
                  f'offsetof(struct {t.c}, {first.member})', str(f.number), '|'.join(flags) or '0', str(len(keys)),
                  f'VALUE_{f.kind}', f'SHAPE_{f.shape}']
        return '    {' + ', '.join(parts) + '},'

    def index(self, t):
        flat = self.model.flat(t)
        inlined = any(f.shape == 'INLINE' for f in t.fields)
        size = 4
        while size < 2 * len(flat):
            size *= 2
        slots = [0] * size
        for i, (_, f) in enumerate(flat):
            at = slot_hash(f.name) % size
            while slots[at]:
                at = (at + 1) % size
            slots[at] = i + 1
        table = self.shared(f'uint16_t @[{size}]', '{' + ', '.join(map(str, slots)) + '}')
        where = 'NULL'
        if inlined:
            rows = []
            for owner, f in flat:
                n = owner.fields.index(f)
                base = '0' if owner is t else f'offsetof(struct {t.c}, {f.member}) - offsetof(struct {owner.c}, {f.member})'
                rows.append(f'{{&{owner.c}_fields[{n}], {base}}}')
            where = self.shared(f'struct flat_field @[{len(rows)}]', '{' + ',\n    '.join(rows) + '}')
        numbered = sorted((f.number, i) for i, f in enumerate(t.fields) if f.number)
        wire = self.shared(f'uint16_t @[{len(numbered)}]', '{' + ', '.join(str(i) for _, i in numbered) + '}') \
            if numbered else 'NULL'
        by_name = sorted(range(len(flat)), key=lambda i: flat[i][1].name)
        names = self.shared(f'uint16_t @[{len(flat)}]', '{' + ', '.join(map(str, by_name)) + '}') \
            if flat else 'NULL'
        return '&' + self.shared('struct type_index @', f'{{{where}, {table}, {len(flat)}, {size - 1}, {wire}, '
                                 f'{len(numbered)}, {names}}}')

    def type(self, t):
        rows = [self.field(t, f) for f in t.fields]
        flags = [c for word, c in TYPE_FLAGS.items() if word in t.words]
        if leads_to_closed(t, set()):
            flags.append('TYPE_GATED')
        flags = '|'.join(flags) or '0'
        if rows:
            self.o.append(f'const struct field {t.c}_fields[{len(rows)}] = {{\n' + '\n'.join(rows) + '\n};')
        fields = f'{t.c}_fields' if rows else 'NULL'
        self.o.append(f'const struct type {t.c}_type = {{{s(t.name)}, {s(self.api.package + "." + t.name)}, {s(t.doc)}, '
                      f'{fields}, {len(rows)}, {flags}, sizeof(struct {t.c}), {self.index(t)}}};')

    def columns(self, t):
        rows = [f'{{{s(c.name)}, {s(c.type)}, {s(c.format)}, {s(c.doc)}, {int(c.wide)}, {s(c.path)}}}'
                for c in t.columns]
        return self.shared(f'struct column @[{len(rows)}]', '{' + ', '.join(rows) + '}') if rows else 'NULL'

    def resource(self, t):
        a, api = t.attrs, self.api
        served = a.get('resource', [])
        names = [f.name for f in t.fields]
        flags = [name for name, on in (
            ('NAMESPACED', 'namespaced' in served), ('STATUS', 'status' in a.get('subresources', [])),
            ('SCALE', 'scale' in a), ('GENERATION', 'generation' in a), ('SYNC_LATER', 'durable' in a),
            ('VIRTUAL', 'virtual' in a), ('PREFERRED', 'preferred' in a)) if on]
        verbs = a.get('verbs', ['create'] if 'virtual' in a else VERBS) if served else []
        group = a['group'][0] if 'group' in a else api.group
        api_version = f'{group}/{api.version}' if group else api.version
        p = [f'.group = {s(group)}', f'.version = {s(api.version)}', f'.api_version = {s(api_version)}',
             f'.kind = {s(t.name)}', f'.type = &{t.c}_type',
             '.flags = ' + ('|'.join('RESOURCE_' + f for f in flags) or '0')]
        if served:
            p += [f'.plural = {s(served[0])}', f'.singular = {s(t.name.lower())}',
                  f'.qualified = {s(served[0] + ("." + api.group if api.group else ""))}']
            if t.name + 'List' in api.types:
                p += [f'.list_kind = {s(t.name + "List")}', f'.list_type = &{api.types[t.name + "List"].c}_type']
        for attr, c in (('short', 'short_names'), ('categories', 'categories'), ('subresources', 'subresources')):
            if attr in a:
                p.append(f'.{c} = {self.strings(a[attr])}, .n_{c} = {len(a[attr])}')
        if verbs:
            p.append(f'.verbs = {self.strings(verbs)}, .n_verbs = {len(verbs)}')
        if t.columns:
            p.append(f'.columns = {self.columns(t)}, .n_columns = {len(t.columns)}')
        if 'select' in a:
            rows = self.shared(f'struct selectable @[{len(a["select"])}]',
                               '{' + ', '.join(f'{{{s(x)}}}' for x in a['select']) + '}')
            p.append(f'.selectables = {rows}, .n_selectables = {len(a["select"])}')
        if 'scale' in a:
            p += [f'.{c} = {s(v)}' for c, v in zip(('scale_replicas_path', 'scale_status_path', 'scale_selector_path'),
                                                 a['scale'])]
        if 'stored' in a:
            p.append(f'.storage_prefix = {s(a["stored"][0])}')
        if 'named' in a:
            p.append(f'.name_format = {s(a["named"][0])}')
        elif served:
            p.append(f'.name_format = {s("dns1123-subdomain")}')
        if 'deprecated' in a:
            p.append(f'.deprecated = {s(" ".join(a["deprecated"]))}')
        if 'stored-as' in a:
            other = [x for x in self.model.apis.values() if x.api_version == a['stored-as'][0]][0]
            p.append(f'.stored_as = &{other.types[t.name].c}_resource')
        for name in ('metadata', 'spec', 'status'):
            if name in names:
                f = t.fields[names.index(name)]
                if name == 'metadata' and f.type != 'ObjectMeta':
                    continue
                p.append(f'.{name}_offset = offsetof(struct {t.c}, {name})')
                if name != 'metadata':
                    p.append(f'.{name} = &{t.c}_fields[{names.index(name)}]')
                else:
                    p.append('.has_metadata = true')
        self.o.append(f'const struct resource {t.c}_resource = {{' + ',\n    '.join(p) + '};')

    def text(self):
        structs = self.model.ordered(self.api)
        uses = {self.api.id} | {r for t in structs if t.attrs.get('stored-as')
                                for r in [x.id for x in self.model.apis.values()
                                          if x.api_version == t.attrs['stored-as'][0]]}
        self.o = [f'/* {self.api.api_version}: made by tools/apigen from api/; change it there. */'] + \
                 [f'#include "kinds/{u}.h"' for u in sorted(uses)] + ['#define S STR_INIT']
        owners = {f.ref for t in structs for f in t.fields if f.shape == 'INLINE'} | set(structs)
        self.o += [f'extern const struct field {t.c}_fields[{len(t.fields)}];' for t in sorted(owners, key=lambda t: t.c)
                   if t.fields]
        for t in structs:
            self.type(t)
        for t in structs:
            if t.what == 'kind' and not hasattr(t, 'list_of'):
                self.resource(t)
        return '\n'.join(self.o) + '\n'


def go_name(t):
    """How Go prints the type: "v1.PodPhase"; UIDs are of package types."""
    return 'types.UID' if t.name == 'UID' else f'{t.api.version}.{t.name}'


def resources(model, order):
    """kinds/resources.c: everything that is served, group by group as discovery lists them, and all kinds there are."""
    served, kinds = [], []
    for api_id in order:
        of = [t for t in model.apis[api_id].types.values() if t.attrs.get('resource')]
        served += sorted(of, key=lambda t: t.attrs['resource'][0])
    for api in model.apis.values():
        kinds += [t for t in api.types.values() if t.what == 'kind' and not hasattr(t, 'list_of') and t not in served]
    o = ['/* All that is served, and all kinds: made by tools/apigen from api/; change it there. */']
    o += [f'#include "kinds/{i}.h"' for i in sorted(model.apis)]
    for name, ts in (('resources', served), ('kinds', served + kinds)):
        o += [f'const struct resource *const builtin_{name}[] = {{', *(f'    &{t.c}_resource,' for t in ts), '};',
              f'const size_t n_builtin_{name} = {len(ts)};']
    return '\n'.join(o) + '\n'
