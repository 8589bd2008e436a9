using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Clusters;

/// <summary>%UPSTREAM_TRANSPORT_FAILURE_REASON% in Envoy's words: people and their log parsers search for them.</summary>
internal static class TransportFailures
{
    private static readonly string s_reset = IoError.ConnectionReset.Describe();
    private static readonly string s_brokenPipe = IoError.BrokenPipe.Describe();

    /// <summary>A connection that stood and ended: a reset is its end, not a failure of its transport. Null = none.</summary>
    public static string? OfEstablished(IByteStream stream) =>
        stream.TransportFailure is { } failure && failure != s_reset && failure != s_brokenPipe ? failure : null;

    /// <summary>A failure of the peer or the network comes later (delayed), one of this machine at once; the latter keeps its advice.</summary>
    public static string OfConnect(UpstreamConnectFailure side, IoError error) => side == UpstreamConnectFailure.Local
        ? $"immediate connect error: {error.Describe()}"
        : error switch
        {
            IoError.ConnectionRefused => "delayed connect error: Connection refused",
            IoError.ConnectionReset => "delayed connect error: Connection reset by peer",
            IoError.TimedOut => "delayed connect error: Connection timed out",
            IoError.HostUnreachable => "delayed connect error: No route to host",
            IoError.NetworkUnreachable => "delayed connect error: Network is unreachable",
            _ => $"delayed connect error: {error.Describe()}",
        };
}
