using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>
/// What an upstream PROXY header says of the downstream connection. Connections that say different things are not
/// interchangeable, so it compares by content.
/// </summary>
public sealed class ProxyProtocolFacts(NetAddress source, NetAddress destination, IReadOnlyList<ProxyTlv> tlvs)
    : IEquatable<ProxyProtocolFacts>
{
    /// <summary>The client's connection, for values that are made of its facts; no part of the comparison. Null where nobody asks.</summary>
    internal Streams.ConnectionInfo? Connection { get; init; }

    public NetAddress Source { get; } = source;

    public NetAddress Destination { get; } = destination;

    /// <summary>Those of the downstream header that the listener filter passes through.</summary>
    public IReadOnlyList<ProxyTlv> Tlvs { get; } = tlvs;

    public bool Equals(ProxyProtocolFacts? other)
    {
        if (other is null || other.Source != Source || other.Destination != Destination || other.Tlvs.Count != Tlvs.Count)
        {
            return false;
        }

        for (int i = 0; i < Tlvs.Count; i++)
        {
            if (!Tlvs[i].Equals(other.Tlvs[i]))
            {
                return false;
            }
        }

        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as ProxyProtocolFacts);

    public override int GetHashCode() => HashCode.Combine(Source, Destination, Tlvs.Count);
}
