#include "kms_plugin.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
#include "schema/proto_wire.h"

enum { PEERS = 8, KEY = 7 /* added to every byte */ };

struct stream {
    int32_t id;
    struct buf path, body, answer;
    size_t sent;
    const char *code, *message; /* grpc-status other than 0 */
    struct stream *next;
};

struct peer {
    int fd;
    nghttp2_session *session;
    struct stream *streams;
    struct kms_plugin *plugin;
};

struct kms_plugin {
    char path[108];
    int listener, wake[2];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards manner */
    struct kms_plugin_manner manner;
    struct kms_plugin_counts counts;
    struct peer peers[PEERS];
};

/* --- what it says --- */

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        buf_add_c(b, (char)(v | 128));
    buf_add_c(b, (char)v);
}

static void put(struct buf *b, int number, struct str s)
{
    put_varint(b, (uint64_t)number << 3 | 2);
    put_varint(b, s.n);
    buf_add_str(b, s);
}

static struct str field(struct str message, uint32_t number)
{
    struct wire_cursor c = wire_open(message);
    struct wire_value v;
    while (c.p < c.end && wire_next(&c, &v))
        if (v.number == number)
            return v.bytes;
    return (struct str){0};
}

static void shift(struct buf *out, struct str s, int by)
{
    for (size_t i = 0; i < s.n; i++)
        buf_add_c(out, (char)(s.p[i] + by));
}

static void say_status(const struct kms_plugin_manner *m, struct buf *out)
{
    put(out, 1, str_from(m->version ? m->version : "v2"));
    put(out, 2, str_from(m->healthz ? m->healthz : "ok"));
    put(out, 3, str_from(m->key_id));
}

static void say_encrypted(const struct kms_plugin_manner *m, struct str asked, struct buf *out)
{
    _cleanup_buf_ struct buf text = {0}, entry = {0};
    shift(&text, field(asked, 1), KEY);
    while ((int)text.n < m->ciphertext_bytes)
        buf_add_c(&text, 'x');
    put(out, 1, buf_str(&text));
    put(out, 2, str_from(m->encrypts_as ? m->encrypts_as : m->key_id));
    if (m->annotation) {
        put(&entry, 1, str_from(m->annotation));
        put(&entry, 2, STR("noted"));
        put(out, 3, buf_str(&entry));
    }
}

static void answer(struct kms_plugin *p, struct stream *s)
{
    struct str asked = str_from_at(buf_str(&s->body), 5);
    _cleanup_buf_ struct buf message = {0}, plain = {0};
    pthread_mutex_lock(&p->mutex);
    struct kms_plugin_manner m = p->manner;
    pthread_mutex_unlock(&p->mutex);
    clock_sleep(m.silent_ms * CLOCK_MS);
    if (str_is(buf_str(&s->path), "/v2.KeyManagementService/Status")) {
        p->counts.statuses++;
        say_status(&m, &message);
    } else if (str_is(buf_str(&s->path), "/v2.KeyManagementService/Encrypt")) {
        p->counts.encrypts++;
        say_encrypted(&m, asked, &message);
    } else if (m.refuses_decrypt) {
        p->counts.decrypts++;
        s->code = "7";
        s->message = m.refuses_decrypt;
    } else {
        p->counts.decrypts++;
        shift(&plain, field(asked, 1), -KEY);
        put(&message, 1, buf_str(&plain));
    }
    const char head[5] = {0, 0, (char)(message.n >> 16), (char)(message.n >> 8), (char)message.n};
    buf_add(&s->answer, head, sizeof head);
    buf_add_str(&s->answer, buf_str(&message));
}

/* --- HTTP/2 --- */

static struct stream *stream_of(struct peer *p, int32_t id)
{
    struct stream *s = p->streams;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
    struct peer *p = arg;
    (void)session;
    struct stream *s = mem_zalloc(sizeof *s);
    s->id = f->hd.stream_id;
    s->next = p->streams;
    p->streams = s;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t n_name,
                     const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
    struct stream *s = stream_of(arg, f->hd.stream_id);
    (void)session;
    (void)flags;
    if (s && n_name == 5 && memcmp(name, ":path", 5) == 0)
        buf_add(&s->path, value, n_value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
    struct stream *s = stream_of(arg, id);
    (void)session;
    (void)flags;
    if (s)
        buf_add(&s->body, p, n);
    return 0;
}

#define NV(n, v)                                                                                             \
    {                                                                                                        \
        (uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE                           \
    }

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *arg)
{
    struct stream *s = source->ptr;
    (void)arg;
    size_t n = s->answer.n - s->sent < room ? s->answer.n - s->sent : room;
    memcpy(to, s->answer.p + s->sent, n);
    s->sent += n;
    if (s->sent == s->answer.n) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_nv trailers[] = {NV("grpc-status", "0")};
        nghttp2_submit_trailer(session, id, trailers, 1);
    }
    return (ssize_t)n;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
    struct peer *p = arg;
    struct stream *s = stream_of(p, f->hd.stream_id);
    if (!s || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    answer(p->plugin, s);
    nghttp2_nv head[] = {NV(":status", "200"), NV("content-type", "application/grpc")};
    if (s->code) {
        nghttp2_nv only[] = {head[0], head[1], NV("grpc-status", s->code), NV("grpc-message", s->message)};
        return nghttp2_submit_response(session, s->id, only, 4, NULL);
    }
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_answer};
    return nghttp2_submit_response(session, s->id, head, 2, &body);
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct peer *p = arg;
    (void)session;
    (void)code;
    for (struct stream **at = &p->streams; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            struct stream *s = *at;
            *at = s->next;
            buf_free(&s->path);
            buf_free(&s->body);
            buf_free(&s->answer);
            free(s);
            break;
        }
    return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *p, size_t n, int flags, void *arg)
{
    struct peer *peer = arg;
    (void)session;
    (void)flags;
    ssize_t sent = send(peer->fd, p, n, MSG_NOSIGNAL);
    return sent < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : sent;
}

static void peer_open(struct kms_plugin *plugin, struct peer *p, int fd)
{
    nghttp2_session_callbacks *c;
    ensure(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_callbacks_set_send_callback(c, on_send);
    *p = (struct peer){.fd = fd, .plugin = plugin};
    ensure(nghttp2_session_server_new(&p->session, c, p) == 0);
    nghttp2_session_callbacks_del(c);
    nghttp2_submit_settings(p->session, 0, NULL, 0);
    nghttp2_session_send(p->session);
}

static void peer_close(struct peer *p)
{
    if (!p->session)
        return;
    while (p->streams)
        on_close(p->session, p->streams->id, 0, p);
    nghttp2_session_del(p->session);
    close(p->fd);
    *p = (struct peer){0};
}

static void peer_read(struct peer *p)
{
    uint8_t bytes[16384];
    ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
    if (n <= 0 || nghttp2_session_mem_recv(p->session, bytes, (size_t)n) < 0 ||
        nghttp2_session_send(p->session) < 0)
        peer_close(p);
}

static void plugin_main(void *arg)
{
    struct kms_plugin *p = arg;
    for (;;) {
        struct pollfd fds[PEERS + 2] = {{.fd = p->wake[0], .events = POLLIN},
                                        {.fd = p->listener, .events = POLLIN}};
        for (int i = 0; i < PEERS; i++)
            fds[i + 2] = (struct pollfd){.fd = p->peers[i].session ? p->peers[i].fd : -1, .events = POLLIN};
        if (poll(fds, PEERS + 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            return;
        for (int i = 0; i < PEERS; i++)
            if (fds[i + 2].revents)
                peer_read(&p->peers[i]);
        int fd = fds[1].revents ? accept(p->listener, NULL, NULL) : -1;
        for (int i = 0; i < PEERS && fd >= 0; i++)
            if (!p->peers[i].session) {
                peer_open(p, &p->peers[i], fd);
                fd = -1;
            }
        if (fd >= 0)
            close(fd);
    }
}

/* --- its life --- */

struct kms_plugin *kms_plugin_start(const char *socket_path)
{
    struct kms_plugin *p = mem_zalloc(sizeof *p);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(p->path, sizeof p->path, "%s", socket_path);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", socket_path);
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(socket_path));
    if (socket_path[0] == '@')
        at.sun_path[0] = 0;
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ensure(p->listener >= 0 && bind(p->listener, (struct sockaddr *)&at, n) == 0 &&
           listen(p->listener, 8) == 0);
    ensure(pipe(p->wake) == 0);
    pthread_mutex_init(&p->mutex, NULL);
    p->manner = (struct kms_plugin_manner){.key_id = "key-1"};
    p->thread = thread_start("kms-plugin", plugin_main, p);
    return p;
}

void kms_plugin_set(struct kms_plugin *p, const struct kms_plugin_manner *m)
{
    pthread_mutex_lock(&p->mutex);
    p->manner = *m;
    if (!p->manner.key_id)
        p->manner.key_id = "key-1";
    pthread_mutex_unlock(&p->mutex);
}

const struct kms_plugin_counts *kms_plugin_counts(const struct kms_plugin *p)
{
    return &p->counts;
}

void kms_plugin_stop(struct kms_plugin *p)
{
    ensure(write(p->wake[1], "", 1) == 1);
    thread_join(p->thread);
    for (int i = 0; i < PEERS; i++)
        peer_close(&p->peers[i]);
    close(p->listener);
    close(p->wake[0]);
    close(p->wake[1]);
    if (p->path[0] != '@')
        unlink(p->path);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}
