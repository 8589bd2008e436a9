using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Pilotfish.Proxy.Http;

/// <summary>Spelling and recognition of <see cref="WellKnownHeader"/>.</summary>
public static class WellKnownHeaders
{
    // Slots of the recognition table: a power of two, large enough that few names share a slot.
    private const int SlotCount = 1024;

    private static readonly string[] s_names =
    [
        "",
        ":method",
        ":path",
        ":authority",
        ":scheme",
        ":status",
        ":protocol",
        "host",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
        "proxy-connection",
        "te",
        "expect",
        "date",
        "server",
        "via",
        "user-agent",
        "accept",
        "accept-encoding",
        "cookie",
        "set-cookie",
        "cache-control",
        "location",
        "origin",
        "referer",
        "vary",
        "etag",
        "access-control-request-method",
        "access-control-request-headers",
        "access-control-request-private-network",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-expose-headers",
        "access-control-max-age",
        "access-control-allow-credentials",
        "access-control-allow-private-network",
        "authorization",
        "trailer",
        "retry-after",
        "x-request-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-client-cert",
        "x-client-trace-id",
        "x-envoy-internal",
        "x-envoy-external-address",
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-attempt-count",
        "x-envoy-is-timeout-retry",
        "x-envoy-upstream-service-time",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-stream-duration-ms",
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-canary",
        "x-envoy-force-trace",
        "x-envoy-ip-tags",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node",
        "x-envoy-overloaded",
        "x-envoy-ratelimited",
        "x-envoy-degraded",
        "x-envoy-immediate-health-check-fail",
        "x-envoy-drop-overload",
        "x-envoy-original-dst-host",
        "x-envoy-fault-delay-request",
        "x-envoy-fault-abort-request",
        "x-envoy-fault-abort-grpc-request",
        "x-envoy-fault-throughput-response",
        "x-envoy-fault-delay-request-percentage",
        "x-envoy-fault-abort-request-percentage",
        "x-envoy-peer-metadata",
        "x-envoy-peer-metadata-id",
        "grpc-status",
        "grpc-message",
        "grpc-timeout",
        "grpc-encoding",
        "traceparent",
        "tracestate",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-ot-span-context",
        "accept-language",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-fetch-mode",
        "last-modified",
        "if-none-match",
        "if-modified-since",
        "range",
        "pragma",
    ];

    private static readonly byte[][] s_bytes = BuildBytes();
    private static readonly byte[] s_slots = new byte[SlotCount];
    private static readonly byte[] s_nextInSlot = BuildSlots();

    /// <summary>Values of the enum, <see cref="WellKnownHeader.None"/> included.</summary>
    public static int Count => s_names.Length;

    public static ReadOnlySpan<byte> Name(WellKnownHeader header) => s_bytes[(int)header];

    public static string Text(WellKnownHeader header) => s_names[(int)header];

    public static bool IsPseudo(WellKnownHeader header) => header is >= WellKnownHeader.Method and <= WellKnownHeader.Protocol;

    /// <summary>Recognises a name in lower case.</summary>
    public static WellKnownHeader Find(ReadOnlySpan<byte> lowerCaseName)
    {
        if (lowerCaseName.IsEmpty)
        {
            return WellKnownHeader.None;
        }

        for (int i = s_slots[Slot(lowerCaseName)]; i != 0; i = s_nextInSlot[i])
        {
            if (lowerCaseName.SequenceEqual(s_bytes[i]))
            {
                return (WellKnownHeader)i;
            }
        }

        return WellKnownHeader.None;
    }

    // Length, first, middle and last byte tell almost all known names apart; the rest is the chain's work.
    private static int Slot(ReadOnlySpan<byte> name)
    {
        ref byte first = ref MemoryMarshal.GetReference(name);
        uint mix = (uint)((name.Length * 0x9E37) ^ (first * 0x85EB));
        mix ^= (uint)(Unsafe.Add(ref first, name.Length - 1) * 0x1F35) ^ (uint)(Unsafe.Add(ref first, name.Length >> 1) * 0x2545);
        return (int)((mix ^ (mix >> 11)) & (SlotCount - 1));
    }

    private static byte[][] BuildBytes()
    {
        var bytes = new byte[s_names.Length][];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = Encoding.ASCII.GetBytes(s_names[i]);
        }

        return bytes;
    }

    private static byte[] BuildSlots()
    {
        var next = new byte[s_names.Length];
        for (int i = 1; i < s_names.Length; i++)
        {
            int slot = Slot(s_bytes[i]);
            next[i] = s_slots[slot];
            s_slots[slot] = (byte)i;
        }

        return next;
    }
}
