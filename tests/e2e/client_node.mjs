// client_node.mjs PART NAMESPACE: what programs do with Kubernetes' JavaScript client.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import * as k8s from '@kubernetes/client-node'

const [part, namespace] = process.argv.slice(2)
const config = new k8s.KubeConfig()
config.loadFromDefault()
const core = config.makeApiClient(k8s.CoreV1Api)

const configMap = (name, data = {}) => ({ metadata: { name, labels: { made: 'here' } }, data })
const create = (name, data) => core.createNamespacedConfigMap({ namespace, body: configMap(name, data) })
const patchAs = (type) => k8s.setHeaderOptions('Content-Type', type)

// Resolves once `test` is true; the whole script has a time limit.
const until = async (test) => {
  while (!(await test())) await new Promise((wake) => setTimeout(wake, 20))
}

const parts = {
  async crud() {
    for (const name of ['a', 'b', 'c']) await create(name, { k: name })
    const a = await core.readNamespacedConfigMap({ name: 'a', namespace })
    assert.equal(a.data.k, 'a')
    assert.ok(a.metadata.creationTimestamp instanceof Date)

    const first = await core.listNamespacedConfigMap({ namespace, labelSelector: 'made=here', limit: 2 })
    assert.deepEqual(first.items.map((i) => i.metadata.name), ['a', 'b'])
    const second = await core.listNamespacedConfigMap({ namespace, labelSelector: 'made=here', limit: 2, _continue: first.metadata._continue })
    assert.deepEqual(second.items.map((i) => i.metadata.name), ['c'])

    a.data.k = 'changed'
    const replaced = await core.replaceNamespacedConfigMap({ name: 'a', namespace, body: a })
    assert.notEqual(replaced.metadata.resourceVersion, a.metadata.resourceVersion)

    const gone = await core.deleteNamespacedConfigMap({ name: 'a', namespace })
    assert.equal(gone.status, 'Success')
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'made=here' })
    assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector: 'made=here' })).items.length, 0)
  },

  async patch() {
    await create('p', { a: '1', b: '2' })
    const patch = (body, type) => core.patchNamespacedConfigMap({ name: 'p', namespace, body }, patchAs(type))
    assert.deepEqual((await patch({ data: { a: null, c: '3' } }, k8s.PatchStrategy.MergePatch)).data, { b: '2', c: '3' })
    assert.equal((await patch([{ op: 'replace', path: '/data/b', value: '7' }], k8s.PatchStrategy.JsonPatch)).data.b, '7')
    assert.equal((await patch({ metadata: { labels: { x: 'y' } } }, k8s.PatchStrategy.StrategicMergePatch)).metadata.labels.x, 'y')
  },

  async informer() {
    await create('before')
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const informer = k8s.makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace, labelSelector: 'made=here' }), 'made=here')
    const seen = []
    for (const what of ['add', 'update', 'delete']) informer.on(what, (o) => seen.push(`${what} ${o.metadata.name}`))
    await informer.start()
    await until(() => seen.includes('add before'))
    await create('later', { k: '1' })
    await until(() => seen.includes('add later'))
    await core.patchNamespacedConfigMap({ name: 'later', namespace, body: { data: { k: '2' } } }, patchAs(k8s.PatchStrategy.MergePatch))
    await until(() => seen.includes('update later'))
    await core.deleteNamespacedConfigMap({ name: 'later', namespace })
    await until(() => seen.includes('delete later'))
    assert.equal(informer.get('before', namespace).metadata.name, 'before')
    assert.equal(informer.get('later', namespace), undefined)
    await informer.stop()

    // A watch from a revision that is long gone is told so, as an event.
    const events = []
    await new Promise((done) => {
      new k8s.Watch(config).watch(path, { resourceVersion: '1' }, (type, o) => events.push([type, o.code]), done).then((c) => setTimeout(() => c.abort(), 1000))
    })
    assert.ok(events.every(([type, code]) => type !== 'ERROR' || code === 410), JSON.stringify(events))
  },

  async refusals() {
    await create('x')
    const refused = async (code, reason, call) => {
      const error = await call.then(() => assert.fail('was let through'), (e) => e)
      assert.equal(error.code, code)
      assert.equal(JSON.parse(error.body).reason, reason)
    }
    await refused(404, 'NotFound', core.readNamespacedConfigMap({ name: 'absent', namespace }))
    await refused(409, 'AlreadyExists', create('x'))
    await refused(422, 'Invalid', create('Not_A_Name'))
    const stale = await core.readNamespacedConfigMap({ name: 'x', namespace })
    await core.replaceNamespacedConfigMap({ name: 'x', namespace, body: { ...configMap('x'), data: { a: '1' } } })
    await refused(409, 'Conflict', core.replaceNamespacedConfigMap({ name: 'x', namespace, body: stale }))
  },

  async streams() {
    const container = { name: 'c', image: 'sagong.local/hello:1', command: ['sh', '-c', 'echo started; trap exit TERM; while :; do sleep 0.1; done'] }
    await core.createNamespacedPod({ namespace, body: { metadata: { name: 'pod' }, spec: { containers: [container] } } })
    await until(async () => (await core.readNamespacedPod({ name: 'pod', namespace })).status.phase === 'Running')
    await until(async () => (await core.readNamespacedPodLog({ name: 'pod', namespace })) === 'started\n')

    let out = ''
    const stdout = new PassThrough()
    stdout.on('data', (bytes) => (out += bytes))
    const status = await new Promise((done, fail) => {
      new k8s.Exec(config).exec(namespace, 'pod', 'c', ['sh', '-c', 'echo hello; exit 3'], stdout, new PassThrough(), null, false, done).catch(fail)
    })
    assert.equal(out, 'hello\n')
    assert.equal(status.status, 'Failure')
    assert.equal(status.reason, 'NonZeroExitCode')
    assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '3' }])
  },
}

await parts[part]()
process.exit(0)
