using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>`http_inspector.*`.</summary>
internal sealed class HttpInspectorStats(StatScope scope)
{
    public Counter Http10Found { get; } = scope.Counter("http10_found");

    public Counter Http11Found { get; } = scope.Counter("http11_found");

    public Counter Http2Found { get; } = scope.Counter("http2_found");

    public Counter HttpNotFound { get; } = scope.Counter("http_not_found");
}
