namespace Pilotfish.Proxy.Http;

/// <content>What of the request's target the upstream sees although filters and routes saw another.</content>
public sealed partial class HttpStream
{
    private byte[]? _seenPath;

    /// <summary>The port that strip_any_host_port or strip_matching_host_port took from a CONNECT's target, which the upstream needs; null otherwise.</summary>
    internal byte[]? ConnectPort { get; set; }

    /// <summary>The path that goes to the upstream where filters saw another one (http_filter_transformation); null otherwise.</summary>
    internal byte[]? HiddenPath { get; private set; }

    internal void RememberPath(byte[] forwarded, byte[] seen) =>
        (HiddenPath, _seenPath) = forwarded.AsSpan().SequenceEqual(seen) ? (null, null) : (forwarded, seen);

    /// <summary>Puts the hidden path back unless a filter has changed the one that it saw.</summary>
    internal void RestorePath()
    {
        if (RequestHeaders[WellKnownHeader.Path].SequenceEqual(_seenPath))
        {
            RequestHeaders.Set(WellKnownHeader.Path, HiddenPath);
        }
    }
}
