"""Writes kinds/GROUP_VERSION.h: structs, enumerations' constants, and the names of the descriptors."""


def c_string(s):
    out = []
    for ch in s:
        if ch in '"\\':
            out.append('\\' + ch)
        elif ch == '\n':
            out.append('\\n')
        else:
            out.append(ch)
    return '"' + ''.join(out) + '"'


def header(model, api):
    o = [f'/* {api.api_version}: made by tools/apigen from api/; change it there. */', '#pragma once',
         '#include "schema/desc.h"']
    o += [f'#include "kinds/{use}.h"' for use in sorted(api.uses)]
    o.append('')
    for t in api.types.values():
        if t.what != 'enum':
            continue
        defined = model.enum_constants(t)
        for name, v in defined:
            if name not in model.defined:
                model.defined.add(name)
                o.append(f'#define {name} STR({c_string(v.text)})')
        if defined:
            o.append('')
    structs = model.ordered(api)
    for t in structs:
        if ('vec', t.c) in model.plurals:
            o.append(f'struct {t.c}_vec {{\n    struct {t.c} *at;\n    size_t n;\n}};')
        if ('map', t.c) in model.plurals:
            o.append(f'struct {t.c}_map {{\n    struct {t.c}_entry *at;\n    size_t n;\n}};')
    for t in structs:
        if t.doc:
            o.append(f'/* {t.doc} */')
        o.append(f'struct {t.c} {{')
        for f in t.fields:
            if f.shape == 'INLINE':
                o.append(f'    struct {f.ref.c};')
            elif f.c_type.endswith('*'):
                o.append(f'    {f.c_type}{f.member};')
            else:
                o.append(f'    {f.c_type.rstrip()} {f.member};')
        if not t.fields:
            o.append('    char none; /* it has no fields yet */')
        o.append('};')
        if ('map', t.c) in model.plurals:
            o.append(f'struct {t.c}_entry {{\n    struct str key;\n    struct {t.c} value;\n}};')
    o.append('')
    for t in structs:
        o.append(f'extern const struct type {t.c}_type;')
        if t.what == 'kind' and not hasattr(t, 'list_of'):
            o.append(f'extern const struct resource {t.c}_resource;')
    return '\n'.join(o) + '\n'
