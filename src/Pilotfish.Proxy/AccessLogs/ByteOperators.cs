using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Sizes of bodies, heads and of what went over the wire.</summary>
internal static class ByteOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.AddNumber("BYTES_RECEIVED", static s => s.Info.BytesReceived);
        all.AddNumber("BYTES_SENT", static s => s.Info.BytesSent);
        all.AddNumber("REQUEST_HEADERS_BYTES", static s => s.Info.RequestHeaders?.ByteSize ?? 0);
        all.AddNumber("RESPONSE_HEADERS_BYTES", static s => s.Info.ResponseHeaders?.ByteSize ?? 0);
        all.AddNumber("RESPONSE_TRAILERS_BYTES", static s => s.Info.ResponseTrailers?.ByteSize ?? 0);
        all.AddNumber("DOWNSTREAM_WIRE_BYTES_SENT", static s => s.Info.Downstream.WireBytesSent);
        all.AddNumber("DOWNSTREAM_WIRE_BYTES_RECEIVED", static s => s.Info.Downstream.WireBytesReceived);
        all.AddNumber("UPSTREAM_WIRE_BYTES_SENT", static s => s.Info.UpstreamBytes.WireBytesSent);
        all.AddNumber("UPSTREAM_WIRE_BYTES_RECEIVED", static s => s.Info.UpstreamBytes.WireBytesReceived);

        all.AddNumber("DOWNSTREAM_HEADER_BYTES_SENT", static s => s.Info.Downstream.HeaderBytesSent);
        all.AddNumber("DOWNSTREAM_HEADER_BYTES_RECEIVED", static s => s.Info.Downstream.HeaderBytesReceived);
        all.AddNumber("UPSTREAM_HEADER_BYTES_SENT", static s => s.Info.UpstreamBytes.HeaderBytesSent);
        all.AddNumber("UPSTREAM_HEADER_BYTES_RECEIVED", static s => s.Info.UpstreamBytes.HeaderBytesReceived);
        all.AddNumber("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", static s => s.Info.Downstream.DecompressedHeaderBytesSent);
        all.AddNumber("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", static s => s.Info.Downstream.DecompressedHeaderBytesReceived);
        all.AddNumber("UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", static s => s.Info.UpstreamBytes.DecompressedHeaderBytesSent);
        all.AddNumber("UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", static s => s.Info.UpstreamBytes.DecompressedHeaderBytesReceived);

        // QUIC alone counts these.
        all.AddNumber("BYTES_RETRANSMITTED", static _ => 0);
        all.AddNumber("PACKETS_RETRANSMITTED", static _ => 0);
    }
}
