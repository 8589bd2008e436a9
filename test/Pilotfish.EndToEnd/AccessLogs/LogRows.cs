namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>
/// Istio's default record of each kind of request in the client's sidecar (outbound) and the server's (inbound). {name} is a pod's or
/// service's address, {port} any port, {n} any number, {id} the request's, {sni:X} X where sidecars have identities, and so speak TLS to
/// each other.
/// </summary>
internal static class LogRows
{
    private const string Get = "curl -s -m 10 -o /dev/null -A test -H 'x-request-id: {id}' ";

    // Each row: what happens, the client's command, and the record of each hop that has one.
    public static readonly (string Label, string Command, (string Pod, string Record)[] Hops)[] All =
    [
        ("success", Get + "http://reviews:9080/ok",
        [
            ("productpage", """[{time}] "GET /ok HTTP/1.1" 200 - via_upstream - "-" 0 3 {n} {n} "-" "test" "{id}" "reviews:9080" "{reviews}:9080" outbound|9080||reviews.default.svc.cluster.local {productpage}:{port} {svc.reviews}:9080 {productpage}:{port} - default"""),
            ("reviews", """[{time}] "GET /ok HTTP/1.1" 200 - via_upstream - "-" 0 3 {n} {n} "-" "test" "{id}" "reviews:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.reviews.default.svc.cluster.local} default"""),
        ]),
        ("404", Get + "http://reviews:9080/missing",
        [
            ("productpage", """[{time}] "GET /missing HTTP/1.1" 404 - via_upstream - "-" 0 3 {n} {n} "-" "test" "{id}" "reviews:9080" "{reviews}:9080" outbound|9080||reviews.default.svc.cluster.local {productpage}:{port} {svc.reviews}:9080 {productpage}:{port} - default"""),
            ("reviews", """[{time}] "GET /missing HTTP/1.1" 404 - via_upstream - "-" 0 3 {n} {n} "-" "test" "{id}" "reviews:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.reviews.default.svc.cluster.local} default"""),
        ]),
        ("no route", Get + "http://details:9080/none",
        [
            ("productpage", """[{time}] "GET /none HTTP/1.1" 404 NR route_not_found - "-" 0 0 {n} - "-" "test" "{id}" "details:9080" "-" - - {svc.details}:9080 {productpage}:{port} - -"""),
        ]),
        ("refused by a pod without sidecar", Get + "http://closed:9080/closed",
        [
            ("productpage", """[{time}] "GET /closed HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error:_Connection_refused" 0 {n} {n} - "-" "test" "{id}" "closed:9080" "{closed}:9080" outbound|9080||closed.default.svc.cluster.local - {svc.closed}:9080 {productpage}:{port} - default"""),
        ]),
        ("refused by the server's application", Get + "http://unbound:9080/unbound",
        [
            ("productpage", """[{time}] "GET /unbound HTTP/1.1" 503 - via_upstream - "-" 0 {n} {n} {n} "-" "test" "{id}" "unbound:9080" "{reviews}:9081" outbound|9080||unbound.default.svc.cluster.local {productpage}:{port} {svc.unbound}:9080 {productpage}:{port} - default"""),
            ("reviews", """[{time}] "GET /unbound HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - "delayed_connect_error:_Connection_refused" 0 {n} {n} - "-" "test" "{id}" "unbound:9080" "{reviews}:9081" inbound|9081|| - {reviews}:9081 {productpage}:{port} {sni:outbound_.9080_._.unbound.default.svc.cluster.local} default"""),
        ]),
        ("reset before the head", Get + "http://ratings:9080/reset",
        [
            ("productpage", """[{time}] "GET /reset HTTP/1.1" 503 - via_upstream - "-" 0 {n} {n} {n} "-" "test" "{id}" "ratings:9080" "{reviews}:9080" outbound|9080||ratings.default.svc.cluster.local {productpage}:{port} {svc.ratings}:9080 {productpage}:{port} - once"""),
            ("reviews", """[{time}] "GET /reset HTTP/1.1" 503 UC upstream_reset_before_response_started{connection_termination} - "-" 0 {n} {n} - "-" "test" "{id}" "ratings:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.ratings.default.svc.cluster.local} default"""),
        ]),
        ("no HTTP", Get + "http://ratings:9080/garbage",
        [
            ("productpage", """[{time}] "GET /garbage HTTP/1.1" 502 - via_upstream - "-" 0 {n} {n} {n} "-" "test" "{id}" "ratings:9080" "{reviews}:9080" outbound|9080||ratings.default.svc.cluster.local {productpage}:{port} {svc.ratings}:9080 {productpage}:{port} - once"""),
            ("reviews", """[{time}] "GET /garbage HTTP/1.1" 502 UPE upstream_reset_before_response_started{protocol_error} - "-" 0 {n} {n} - "-" "test" "{id}" "ratings:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.ratings.default.svc.cluster.local} default"""),
        ]),
        ("reset within the body", Get + "http://ratings:9080/half",
        [
            ("productpage", """[{time}] "GET /half HTTP/1.1" 200 UC upstream_reset_after_response_started{connection_termination} - "-" 0 4 {n} {n} "-" "test" "{id}" "ratings:9080" "{reviews}:9080" outbound|9080||ratings.default.svc.cluster.local {productpage}:{port} {svc.ratings}:9080 {productpage}:{port} - once"""),
            ("reviews", """[{time}] "GET /half HTTP/1.1" 200 UC upstream_reset_after_response_started{connection_termination} - "-" 0 4 {n} {n} "-" "test" "{id}" "ratings:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.ratings.default.svc.cluster.local} default"""),
        ]),
        ("timeout", Get + "http://ratings:9080/slow",
        [
            ("productpage", """[{time}] "GET /slow HTTP/1.1" 504 UT response_timeout - "-" 0 24 {n} - "-" "test" "{id}" "ratings:9080" "{reviews}:9080" outbound|9080||ratings.default.svc.cluster.local {productpage}:{port} {svc.ratings}:9080 {productpage}:{port} - hasty"""),
            ("reviews", """[{time}] "GET /slow HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 {n} - "-" "test" "{id}" "ratings:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.ratings.default.svc.cluster.local} default"""),
        ]),
        ("client gone", "curl -s -m 0.3 -o /dev/null -A test -H 'x-request-id: {id}' http://reviews:9080/slow",
        [
            ("productpage", """[{time}] "GET /slow HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 {n} - "-" "test" "{id}" "reviews:9080" "{reviews}:9080" outbound|9080||reviews.default.svc.cluster.local {productpage}:{port} {svc.reviews}:9080 {productpage}:{port} - default"""),
            ("reviews", """[{time}] "GET /slow HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 {n} - "-" "test" "{id}" "reviews:9080" "{reviews}:9080" inbound|9080|| 127.0.0.6:{port} {reviews}:9080 {productpage}:{port} {sni:outbound_.9080_._.reviews.default.svc.cluster.local} default"""),
        ]),
        ("passthrough", Get + "http://{stray}:9080/ok",
        [
            ("productpage", """[{time}] "GET /ok HTTP/1.1" 200 - via_upstream - "-" 0 3 {n} {n} "-" "test" "{id}" "{stray}:9080" "{stray}:9080" PassthroughCluster {productpage}:{port} {stray}:9080 {productpage}:{port} - allow_any"""),
        ]),
        ("TCP", "perl -e 'use IO::Socket::INET; $c = IO::Socket::INET->new(PeerAddr => q({svc.echo}), PeerPort => 9000) or die; print $c q({id}); sysread($c, $b, 99)'",
        [
            ("productpage", """[{time}] "- - -" 0 - - - "-" 36 36 {n} - "-" "-" "-" "-" "{echo}:9000" outbound|9000||echo.other.svc.cluster.local {productpage}:{port} {svc.echo}:9000 {productpage}:{port} - -"""),
            ("other/echo", """[{time}] "- - -" 0 - - - "-" 36 36 {n} - "-" "-" "-" "-" "{echo}:9000" inbound|9000|| 127.0.0.6:{port} {echo}:9000 {productpage}:{port} {sni:outbound_.9000_._.echo.other.svc.cluster.local} -"""),
        ]),
    ];
}
