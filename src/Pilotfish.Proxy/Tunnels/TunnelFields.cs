using System.Text;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using HeaderMap = Envoy.Config.Core.V3.HeaderMap;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>
/// Header fields or trailers of the answer that opened or ended a tunnel, as tcp_proxy leaves them in the client connection's filter
/// state: one field by name, all of them as an envoy.config.core.v3.HeaderMap. Immutable.
/// </summary>
internal sealed class TunnelFields : IFilterStateObject
{
    /// <summary>Where the answer's head goes (propagate_response_headers).</summary>
    public const string HeadersKey = "envoy.tcp_proxy.propagate_response_headers";

    /// <summary>Where trailers go (propagate_response_trailers).</summary>
    public const string TrailersKey = "envoy.tcp_proxy.propagate_response_trailers";

    private readonly HeaderMap _fields = new();
    private byte[]? _message;

    public TunnelFields(IHeaderReader headers)
    {
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderEntry entry = headers.EntryAt(i);
            _fields.Headers.Add(new HeaderValue
            {
                Key = Encoding.Latin1.GetString(entry.Name),
                Value = Encoding.Latin1.GetString(entry.Value),
            });
        }
    }

    /// <summary>It has none, as in Envoy.</summary>
    public string? PlainText => null;

    public ReadOnlyMemory<byte> AnyMessage => _message ??= new Any
    {
        TypeUrl = "type.googleapis.com/envoy.config.core.v3.HeaderMap",
        Value = _fields.ToByteString(),
    }.ToByteArray();

    public ulong? PoolKeyHash => null;

    /// <summary>The first value of a field by its lower-case name; null without one.</summary>
    public string? Field(string name)
    {
        foreach (HeaderValue header in _fields.Headers)
        {
            if (header.Key == name)
            {
                return header.Value;
            }
        }

        return null;
    }
}
