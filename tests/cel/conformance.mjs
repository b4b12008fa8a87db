// conformance.mjs PACKAGE: the conformance cases of CEL's specification as lines of JSON, for conformance.c: each with its
// path (suite/section/name), the fields of cel.expr.conformance.test.SimpleTest that matter, and well-known messages in
// bindings as the values that they stand for. What does not apply to Kubernetes' language has `why` instead.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// What does not apply, by reason. A rule that no case needs any more is an error.
const messages = /TestAllTypes|cel\.expr\.conformance|google\.(protobuf\.FieldMask|expr\.proto)/;
const doesNotApply = [
    ['no messages of user-defined protobuf types, nor their enums and extensions',
        t => messages.test(JSON.stringify(t)) || /NULL_VALUE/.test(t.expr)],
    ['environments have no container', t => t.container],
    ['no functions declared by the test itself', t => t.typeEnv?.some(d => d.function)],
    ['names that the test of cel-go declares elsewhere', t => /^cel-go/.test(t.path) && !t.typeEnv && /\b(i[siuzdxb]|f[gi]_s)\b/.test(t.expr)],
    ['numbers of different types compare (CrossTypeNumericComparisons)', t => /applied to '\((int|uint|double), (int|uint|double)\)'/.test(t.says) && /[<>]/.test(t.expr)],
    ['existsOne has two variables', t => t.expr.startsWith('[].existsOne(__result__, __result__)')],
    ['optionals, of which the test knows nothing', t => /unsupported syntax '/.test(t.says)],
    ['the limits on recursion and recovery that the test sets', t => /limit exceeded|max recursion/.test(t.says)],
    ['libraries that Kubernetes leaves out: math, encoders, cel.block', t => /^(math|encoders|block)_ext\//.test(t.path)],
    ['no names in backquotes, a choice of the parser', t => t.path.startsWith('fields/quoted_map_fields/')],
    ['cel-go, and so Kubernetes, counts all milliseconds of a duration', t => t.path.endsWith('/get_milliseconds') && t.bindings],
];

const wellKnown = {
    BoolValue: v => ({ boolValue: v }), BytesValue: v => ({ bytesValue: v }), StringValue: v => ({ stringValue: v }),
    DoubleValue: v => ({ doubleValue: v }), FloatValue: v => ({ doubleValue: v }),
    Int32Value: v => ({ int64Value: String(v) }), Int64Value: v => ({ int64Value: v }),
    UInt32Value: v => ({ uint64Value: String(v) }), UInt64Value: v => ({ uint64Value: v }),
    Duration: v => ({ duration: v }), Timestamp: v => ({ timestamp: v }), Value: json, Struct: json, ListValue: json,
};

function json(v) {
    if (v === null) return { nullValue: null };
    if (Array.isArray(v)) return { listValue: { values: v.map(json) } };
    if (typeof v === 'object')
        return { mapValue: { entries: Object.entries(v).map(([key, value]) => ({ key: { stringValue: key }, value: json(value) })) } };
    return { [`${{ boolean: 'bool', number: 'double', string: 'string' }[typeof v]}Value`]: v };
}

// A message of a well-known type is the value that it holds.
function plain(v) {
    if (Array.isArray(v)) return v.map(plain);
    if (v === null || typeof v !== 'object') return v;
    if (v.objectValue) {
        const type = v.objectValue['@type'].split('.').at(-1);
        const { '@type': _, value, ...rest } = v.objectValue;
        return type === 'Any' ? plain({ objectValue: value }) : wellKnown[type](value === undefined ? rest : value);
    }
    return Object.fromEntries(Object.entries(v).map(([k, of]) => [k, plain(of)]));
}

// Kubernetes' environments have no container: names of google.protobuf are written out.
function uncontained({ container, expr, ...rest }) {
    return container === 'google.protobuf' ? { ...rest, expr: expr.replace(/\b[A-Z]\w+\{/g, 'google.protobuf.$&') }
        : { ...rest, expr, container };
}

function* cases(suite, names) {
    for (const { original } of suite.tests ?? [])
        yield { ...uncontained(original), path: [...names, original.name].join('/') };
    for (const inner of suite.suites ?? []) yield* cases(inner, [...names, inner.name]);
}

// The parser's and checker's tests of cel-go: what it says of an expression, or the type that it deduces. Of syntax
// errors the first counts: how a parser goes on behind it is its own matter.
function* statements(suite) {
    for (const { original, error, type } of suite.tests) {
        const says = error?.replace(/^ERROR: :/gm, 'ERROR: <input>:');
        yield { ...original, says, type, path: `cel-go/${suite.name}`, first: /Syntax error|invalid \w+ literal/.test(says) };
    }
}

async function suite(name) {
    const { tests } = await import(pathToFileURL(path.join(process.argv[2], `dist/esm/testdata/${name}.js`)));
    return tests;
}

const used = new Set();
const lines = [];
const all = [...cases(await suite('conformance'), []), ...statements(await suite('checking')), ...statements(await suite('parsing'))];
for (const t of all) {
    const rule = doesNotApply.find(([, applies]) => applies(t));
    used.add(rule);
    lines.push(JSON.stringify(rule ? { path: t.path, why: rule[0] } : plain(t)));
}
for (const rule of doesNotApply) if (!used.has(rule)) throw new Error(`no case any more: ${rule[0]}`);
process.stdout.write(lines.join('\n') + '\n');
