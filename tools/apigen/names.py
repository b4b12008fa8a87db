"""Names: Kubernetes' camelCase as C's snake_case, and Go's types as its error messages spell them."""
import re

# A trailing underscore where C, or a macro that every file sees, has the word already.
RESERVED = {'default', 'continue', 'enum', 'int', 'bool', 'not', 'linux', 'unix', 'register', 'static', 'volatile',
            'auto', 'double', 'float', 'if', 'for', 'do', 'inline', 'asm', 'switch', 'case', 'long', 'short'}
WORD = re.compile(r'[A-Z]+s(?![a-z])|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z][a-z0-9]*|[0-9]+')


def snake(name):
    """clusterIPs -> cluster_ips, HTTPGetAction -> http_get_action, IPv4 -> ipv4."""
    name = name.replace('IPv4', 'Ipv4').replace('IPv6', 'Ipv6')
    return '_'.join(w.lower() for w in WORD.findall(name))


def member(name):
    s = snake(name)
    return s + '_' if s in RESERVED else s


def constant(name):
    return snake(name).upper()
