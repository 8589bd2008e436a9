using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>What an HTTP filter may use while it compiles. Main loop.</summary>
public sealed class HttpFilterContext
{
    public required CompileContext Config { get; init; }

    /// <summary><c>http.STAT_PREFIX</c> of the connection manager.</summary>
    public required StatScope Stats { get; init; }

    /// <summary>What lives as long as the filter chain: subscriptions and stat scopes.</summary>
    public required ICollection<IDisposable> Owned { get; init; }
}
