using System.IO.Hashing;
using System.Text;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Alpn;

/// <summary>
/// The filter state object <c>envoy.network.application_protocols</c>: what the upstream TLS handshake offers instead of the cluster's own
/// list. Connections made with different lists are not shared.
/// </summary>
public sealed class UpstreamProtocols : IFilterStateObject
{
    public const string Key = "envoy.network.application_protocols";

    public UpstreamProtocols(IEnumerable<string> protocols)
    {
        Protocols = [.. protocols];
        PlainText = string.Join(',', Protocols);
        PoolKeyHash = XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(PlainText));
    }

    /// <summary>In the order of preference.</summary>
    public IReadOnlyList<string> Protocols { get; }

    public string? PlainText { get; }

    public ulong? PoolKeyHash { get; }
}
