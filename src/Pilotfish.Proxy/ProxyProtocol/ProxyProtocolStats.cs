using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>`proxy_proto.[PREFIX.]*`.</summary>
internal sealed class ProxyProtocolStats(StatScope scope)
{
    public Counter NotFoundAllowed { get; } = scope.Counter("not_found_allowed");

    public Counter NotFoundDisallowed { get; } = scope.Counter("not_found_disallowed");

    public Counter[] Found { get; } = [scope.Counter("versions.v1.found"), scope.Counter("versions.v2.found")];

    public Counter[] Disallowed { get; } = [scope.Counter("versions.v1.disallowed"), scope.Counter("versions.v2.disallowed")];

    public Counter[] Error { get; } = [scope.Counter("versions.v1.error"), scope.Counter("versions.v2.error")];
}
