"""Turns api/*.api into C: python3 tools/apigen OUT_DIR FILE.api ... writes kinds' headers and descriptor tables there.
python3 tools/apigen PAGE.md FILE.api ... makes the list of kinds in that page anew.
python3 tools/apigen --proto OUT_DIR FILE.api ... writes .proto files for other languages there."""
import os
import sys

from docs import page
from headers import header
from model import Model
from parse import Bad, parse
from protos import protos
from tables import Tables, resources

# As discovery lists groups; what is not served follows in any order.
ORDER = ['core_v1', 'apiregistration_v1', 'apps_v1', 'events_v1', 'authentication_v1', 'authorization_v1',
         'autoscaling_v2', 'autoscaling_v1', 'batch_v1', 'certificates_v1', 'networking_v1', 'policy_v1', 'rbac_v1',
         'storage_v1', 'admissionregistration_v1', 'apiextensions_v1', 'scheduling_v1', 'coordination_v1', 'node_v1',
         'discovery_v1', 'resource_v1', 'flowcontrol_v1']


def write(path, text):
    """Only when it changed, so that nothing is compiled again for nothing."""
    if os.path.exists(path) and open(path, encoding='utf-8').read() == text:
        return
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main(out, files):
    apis, proto = {}, out == '--proto'
    if proto:
        out, *files = files
    for path in files:
        parse(path, apis)
    model = Model(apis)
    model.defined = set()
    order = [i for i in ORDER if i in apis]
    if proto:
        protos(model, write, out)
        return
    if out.endswith('.md'):
        write(out, page(open(out, encoding='utf-8').read(), model, order))
        return
    ids = [i for i in ('meta_v1', 'core_v1') if i in apis] + sorted(set(apis) - {'meta_v1', 'core_v1'})
    for i in ids:
        write(os.path.join(out, i + '.h'), header(model, apis[i]))
        write(os.path.join(out, i + '.c'), Tables(model, apis[i]).text())
    write(os.path.join(out, 'resources.c'), resources(model, order))


if __name__ == '__main__':
    try:
        main(sys.argv[1], sys.argv[2:])
    except Bad as e:
        sys.exit(str(e))
