using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>
/// TLVs of a client's PROXY header by the keys of the listener filter's rules, in the connection's filter state (tlv_location
/// FILTER_STATE). Immutable.
/// </summary>
internal sealed class TlvFields(IReadOnlyDictionary<string, string> fields) : IFilterStateObject
{
    /// <summary>Envoy's name of the object.</summary>
    public const string Key = "envoy.network.proxy_protocol.tlv";

    private byte[]? _message;

    /// <summary>It has none: a part of it is asked for by name.</summary>
    public string? PlainText => null;

    public ReadOnlyMemory<byte> AnyMessage => _message ??= ToMessage();

    public ulong? PoolKeyHash => null;

    public string? Field(string name) => fields.GetValueOrDefault(name);

    private byte[] ToMessage()
    {
        var message = new Struct();
        foreach ((string name, string value) in fields)
        {
            message.Fields[name] = Value.ForString(value);
        }

        return new Any { TypeUrl = "type.googleapis.com/google.protobuf.Struct", Value = message.ToByteString() }.ToByteArray();
    }
}
