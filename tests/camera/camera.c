// A network camera for tests and the demo: sends an MP4 file (H.264, and AAC if it has sound) over RTSP, live and for
// ever, without re-encoding; a second file is what it sends once its settings are changed. Listens on 127.0.0.1, prints its
// URL on the first line, obeys the commands of `help_text` on its standard input, and ends when that closes, so it cannot
// outlive the program that started it.

#include <stdlib.h>

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/rtsp-server/rtsp-server.h>

static const char *help_text =
    "Commands on standard input, each answered by `ok`:\n"
    "  stall    connections stay, nothing is sent; resume: goes on with the present picture\n"
    "  drop     closes every connection; clients may come back\n"
    "  mute     closes every connection, accepts new ones and never answers\n"
    "  down     closes every connection and the port; up: serves again on the same port\n"
    "  change   goes on with the other file, on the connections that are open, from its first key frame\n"
    "  quit     ends";

enum { VIDEO, AUDIO, TRACKS };

typedef struct {
    GstCaps *caps;       // NULL: the file has no such track
    GPtrArray *buffers;  // decode order, times from 0, all before `loop`
} Track;

typedef struct {
    Track tracks[TRACKS];
    GstClockTime loop;  // length of the video; every track repeats with this period
} Film;

static struct {
    Film films[2];
    int count;  // of films
    int shown;  // the film that is sent
    GstRTSPServer *server;
    guint listening;  // source id, 0 while down or mute
    GSocketService *mute;
    GPtrArray *muted;
    guint16 port;
    gboolean stalled;
    GMainLoop *main_loop;
} camera;

static void fail(const char *what, const char *why) {
    g_printerr("camera: %s: %s\n", what, why ? why : "unknown reason");
    exit(1);
}

static void load_track(GstElement *pipeline, const char *name, Track *track) {
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), name);
    GstSample *sample;
    track->buffers = g_ptr_array_new();
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        const GstClockTime pts = gst_segment_to_stream_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
        if (!track->caps) track->caps = gst_caps_copy(gst_sample_get_caps(sample));
        if (GST_CLOCK_TIME_IS_VALID(pts)) {  // else it is the encoder's priming, before the start
            GstBuffer *copy = gst_buffer_copy_deep(buffer);
            GST_BUFFER_PTS(copy) = GST_BUFFER_DTS(copy) = pts;  // no B-frames
            g_ptr_array_add(track->buffers, copy);
        }
        gst_sample_unref(sample);
    }
    gst_object_unref(sink);
}

static void load_file(const char *path, gboolean sound, Film *film) {
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(
        "filesrc name=file ! qtdemux name=demux "
        "demux.video_0 ! queue ! appsink name=video sync=false demux.audio_0 ! queue ! appsink name=audio sync=false", &error);
    if (!pipeline) fail("GStreamer", error->message);
    GstElement *file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
    GstElement *demux = gst_bin_get_by_name(GST_BIN(pipeline), "demux");
    g_object_set(file, "location", path, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);

    Track *video = &film->tracks[VIDEO];
    load_track(pipeline, "video", video);
    if (!video->buffers->len) fail(path, "no H.264 video to be read");
    GstBuffer *last = g_ptr_array_index(video->buffers, video->buffers->len - 1);
    film->loop = GST_BUFFER_PTS(last) + GST_BUFFER_DURATION(last);

    GstPad *pad = sound ? gst_element_get_static_pad(demux, "audio_0") : NULL;  // all pads exist once data flowed
    if (pad) {
        Track *audio = &film->tracks[AUDIO];
        load_track(pipeline, "audio", audio);
        while (audio->buffers->len && GST_BUFFER_PTS((GstBuffer *)g_ptr_array_index(audio->buffers, audio->buffers->len - 1)) >= film->loop)
            gst_buffer_unref(g_ptr_array_remove_index(audio->buffers, audio->buffers->len - 1));
        gst_object_unref(pad);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(file);
    gst_object_unref(demux);
    gst_object_unref(pipeline);
}

// One playing of the film, shared by all clients of the moment. The main loop owns it; media end on other threads.
typedef struct {
    GstElement *element;
    GstElement *sources[TRACKS];
    guint64 sent[TRACKS];
    int film;
    GstClockTime begun;  // running time at which the film began
    gint over;           // atomic
} Playing;

// The tracks of the film that is shown, from its first frame at `begun`.
static void show(Playing *playing, GstClockTime begun) {
    playing->film = camera.shown;
    playing->begun = begun;
    for (int t = 0; t < TRACKS; ++t) {
        playing->sent[t] = 0;
        if (!playing->sources[t]) continue;
        g_object_set(playing->sources[t], "caps", camera.films[playing->film].tracks[t].caps, NULL);
    }
}

static gboolean send_due(gpointer data) {
    Playing *playing = data;
    if (g_atomic_int_get(&playing->over)) return G_SOURCE_REMOVE;
    // Before it plays, the element may have a clock and no base time yet: its running time is then that of the machine,
    // and hours of video would be due.
    if (GST_STATE(playing->element) != GST_STATE_PLAYING) return G_SOURCE_CONTINUE;
    const GstClockTime now = gst_element_get_current_running_time(playing->element);
    if (!GST_CLOCK_TIME_IS_VALID(now)) return G_SOURCE_CONTINUE;
    if (playing->film != camera.shown) show(playing, now);
    const Film *film = &camera.films[playing->film];
    for (int t = 0; t < TRACKS; ++t) {
        const Track *track = &film->tracks[t];
        while (playing->sources[t]) {
            const guint64 n = playing->sent[t], round = n / track->buffers->len;
            GstBuffer *buffer = g_ptr_array_index(track->buffers, n % track->buffers->len);
            const GstClockTime due = playing->begun + round * film->loop + GST_BUFFER_PTS(buffer);
            if (due > now) break;
            ++playing->sent[t];
            if (camera.stalled) continue;
            buffer = gst_buffer_copy(buffer);  // shares the bytes
            GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = due;
            gst_app_src_push_buffer(GST_APP_SRC(playing->sources[t]), buffer);
        }
    }
    return G_SOURCE_CONTINUE;
}

static void free_playing(gpointer data) {
    Playing *playing = data;
    for (int t = 0; t < TRACKS; ++t)
        if (playing->sources[t]) gst_object_unref(playing->sources[t]);
    gst_object_unref(playing->element);
    g_free(playing);
}

static void end_playing(gpointer data) { g_atomic_int_set(&((Playing *)data)->over, 1); }

static void start_playing(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data) {
    (void)factory, (void)data;
    static const char *names[TRACKS] = {"video", "audio"};
    Playing *playing = g_new0(Playing, 1);
    playing->element = gst_rtsp_media_get_element(media);
    for (int t = 0; t < TRACKS; ++t) {
        if (!camera.films[0].tracks[t].caps) continue;
        playing->sources[t] = gst_bin_get_by_name_recurse_up(GST_BIN(playing->element), names[t]);
        g_object_set(playing->sources[t], "format", GST_FORMAT_TIME, "is-live", TRUE, NULL);
    }
    show(playing, 0);
    g_object_set_data_full(G_OBJECT(media), "playing", playing, end_playing);
    g_timeout_add_full(G_PRIORITY_DEFAULT, 10, send_due, playing, free_playing);
}

static void require_login(GstRTSPMediaFactory *factory, const char *user, const char *password) {
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GstRTSPToken *token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);
    gchar *basic = gst_rtsp_auth_make_basic(user, password);
    gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_BASIC | GST_RTSP_AUTH_DIGEST);
    gst_rtsp_auth_add_basic(auth, basic, token);
    gst_rtsp_auth_add_digest(auth, user, password, token);
    gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                    GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, NULL);
    gst_rtsp_server_set_auth(camera.server, auth);
    g_free(basic);
    gst_rtsp_token_unref(token);
    g_object_unref(auth);
}

static GstRTSPFilterResult remove_client(GstRTSPServer *server, GstRTSPClient *client, gpointer data) {
    (void)server, (void)client, (void)data;
    return GST_RTSP_FILTER_REMOVE;
}

static void drop(void) {
    GList *removed = gst_rtsp_server_client_filter(camera.server, remove_client, NULL);
    g_list_free_full(removed, g_object_unref);
}

static gboolean keep_silent(GSocketService *service, GSocketConnection *connection, GObject *source, gpointer data) {
    (void)service, (void)source, (void)data;
    g_ptr_array_add(camera.muted, g_object_ref(connection));
    return TRUE;
}

static void close_port(void) {
    if (camera.listening) g_source_remove(camera.listening);
    camera.listening = 0;
    if (camera.mute) {
        g_socket_service_stop(camera.mute);
        g_socket_listener_close(G_SOCKET_LISTENER(camera.mute));
        g_clear_object(&camera.mute);
        g_ptr_array_set_size(camera.muted, 0);
    }
}

static void go_down(void) {
    close_port();
    drop();
}

static void go_up(void) {
    close_port();
    gchar *service = g_strdup_printf("%u", camera.port);
    gst_rtsp_server_set_service(camera.server, service);
    g_free(service);
    camera.listening = gst_rtsp_server_attach(camera.server, NULL);
    if (!camera.listening) fail("listening on 127.0.0.1", "the port is taken");
    camera.port = (guint16)gst_rtsp_server_get_bound_port(camera.server);
}

static void go_mute(void) {
    GError *error = NULL;
    go_down();
    GInetAddress *host = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *address = g_inet_socket_address_new(host, camera.port);
    GSocketAddress *bound = NULL;
    camera.mute = g_socket_service_new();
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(camera.mute), address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                       NULL, &bound, &error))
        fail("listening on 127.0.0.1", error->message);
    camera.port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_signal_connect(camera.mute, "incoming", G_CALLBACK(keep_silent), NULL);
    g_socket_service_start(camera.mute);
    g_object_unref(bound);
    g_object_unref(address);
    g_object_unref(host);
}

static gboolean obey(GIOChannel *input, GIOCondition condition, gpointer data) {
    (void)condition, (void)data;
    gchar *line = NULL;
    if (g_io_channel_read_line(input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(camera.main_loop);
        return G_SOURCE_REMOVE;
    }
    g_strstrip(line);
    const char *answer = "ok";
    if (g_str_equal(line, "stall")) camera.stalled = TRUE;
    else if (g_str_equal(line, "resume")) camera.stalled = FALSE;
    else if (g_str_equal(line, "drop")) drop();
    else if (g_str_equal(line, "mute")) go_mute();
    else if (g_str_equal(line, "down")) go_down();
    else if (g_str_equal(line, "up")) go_up();
    else if (g_str_equal(line, "change") && camera.count == 2) camera.shown = !camera.shown;
    else if (g_str_equal(line, "quit")) g_main_loop_quit(camera.main_loop);
    else answer = "unknown command";
    g_print("%s\n", answer);
    g_free(line);
    return G_SOURCE_CONTINUE;
}

static gboolean forget_old_sessions(gpointer data) {
    (void)data;
    GstRTSPSessionPool *pool = gst_rtsp_server_get_session_pool(camera.server);
    gst_rtsp_session_pool_cleanup(pool);
    g_object_unref(pool);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
    gchar *user = NULL, *password = NULL;
    gint port = 0;
    gboolean mute = FALSE, silent = FALSE;
    const GOptionEntry entries[] = {
        {"port", 0, 0, G_OPTION_ARG_INT, &port, "Port on 127.0.0.1; by default a free one", "N"},
        {"user", 0, 0, G_OPTION_ARG_STRING, &user, "Ask for a login, Basic or Digest", "NAME"},
        {"password", 0, 0, G_OPTION_ARG_STRING, &password, "The login's password", "TEXT"},
        {"no-sound", 0, 0, G_OPTION_ARG_NONE, &silent, "Send the picture alone", NULL},
        {"mute", 0, 0, G_OPTION_ARG_NONE, &mute, "Start as after the command `mute`", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL}};
    GError *error = NULL;
    GOptionContext *options = g_option_context_new("FILE.mp4 [OTHER.mp4]");
    g_option_context_set_description(options, help_text);
    g_option_context_add_main_entries(options, entries, NULL);
    g_option_context_add_group(options, gst_init_get_option_group());
    if (!g_option_context_parse(options, &argc, &argv, &error)) fail("options", error->message);
    if (argc < 2 || argc > 3) fail("options", "name one file or two; --help says more");

    camera.count = argc - 1;
    for (int f = 0; f < camera.count; ++f) load_file(argv[f + 1], !silent, &camera.films[f]);
    if (camera.count == 2 && !camera.films[0].tracks[AUDIO].caps != !camera.films[1].tracks[AUDIO].caps)
        fail("options", "both files have sound, or none");
    camera.main_loop = g_main_loop_new(NULL, FALSE);
    camera.muted = g_ptr_array_new_with_free_func(g_object_unref);
    camera.port = (guint16)port;
    camera.server = gst_rtsp_server_new();
    gst_rtsp_server_set_address(camera.server, "127.0.0.1");

    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(factory,
                                      camera.films[0].tracks[AUDIO].caps
                                          ? "( appsrc name=video ! rtph264pay name=pay0 pt=96 config-interval=-1"
                                            "  appsrc name=audio ! rtpmp4gpay name=pay1 pt=97 )"
                                          : "( appsrc name=video ! rtph264pay name=pay0 pt=96 config-interval=-1 )");
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    g_signal_connect(factory, "media-configure", G_CALLBACK(start_playing), NULL);
    if (user) require_login(factory, user, password ? password : "");
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(camera.server);
    gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
    g_object_unref(mounts);

    if (mute) go_mute();
    else go_up();
    g_print("rtsp://127.0.0.1:%u/live\n", camera.port);
    g_timeout_add_seconds(2, forget_old_sessions, NULL);
    g_io_add_watch(g_io_channel_unix_new(0), G_IO_IN | G_IO_HUP, obey, NULL);
    g_main_loop_run(camera.main_loop);
    go_down();
    return 0;
}
