using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Metadata of an endpoint, kept as the bytes it came in: thousands of endpoints carry it and few are asked for it.
/// </summary>
public sealed class EndpointMetadata : IEquatable<EndpointMetadata>
{
    public const string SubsetNamespace = "envoy.lb";
    public const string TransportSocketMatchNamespace = "envoy.transport_socket_match";
    public static readonly EndpointMetadata Empty = new(ByteString.Empty);

    private readonly ByteString _message;
    private DynamicMetadata? _fields;

    private EndpointMetadata(ByteString message) => _message = message;

    /// <summary>The envoy.config.core.v3.Metadata message as it arrived.</summary>
    public ReadOnlyMemory<byte> Message => _message.Memory;

    public static EndpointMetadata From(Envoy.Config.Core.V3.Metadata? metadata) =>
        metadata is null || (metadata.FilterMetadata.Count == 0 && metadata.TypedFilterMetadata.Count == 0) ? Empty : new EndpointMetadata(metadata.ToByteString());

    public Envoy.Config.Core.V3.Metadata Read() => Envoy.Config.Core.V3.Metadata.Parser.ParseFrom(_message);

    /// <summary>
    /// Every namespace, for access logs and expressions; null when there is none. Made when one first asks and kept. Any thread: whoever
    /// loses a race makes an equal object.
    /// </summary>
    public DynamicMetadata? Fields => _message.IsEmpty ? null : _fields ??= MakeFields();

    /// <summary>The fields of one filter's namespace, or null.</summary>
    public Struct? Namespace(string name)
    {
        if (_message.IsEmpty)
        {
            return null;
        }

        return Read().FilterMetadata.TryGetValue(name, out Struct? fields) ? fields : null;
    }

    /// <summary>Whether it says canary: true under <c>envoy.lb</c>. Only messages that have the word are parsed for it.</summary>
    public bool IsCanary => _message.Span.IndexOf("canary"u8) >= 0
        && Namespace(SubsetNamespace) is { } fields && fields.Fields.TryGetValue("canary", out Value? value) && value.BoolValue;

    /// <summary>hash_key under <c>envoy.lb</c>: what tables of consistent hashing know the endpoint by; empty for none.</summary>
    public string HashKey => _message.Span.IndexOf("hash_key"u8) >= 0
        && Namespace(SubsetNamespace) is { } fields && fields.Fields.TryGetValue("hash_key", out Value? value) ? value.StringValue : "";

    private DynamicMetadata MakeFields()
    {
        var fields = new DynamicMetadata();
        foreach ((string name, Struct values) in Read().FilterMetadata)
        {
            fields.Set(name, MetadataValue.Of(values));
        }

        return fields;
    }

    public bool Equals(EndpointMetadata? other) => other is not null && _message.Equals(other._message);

    public override bool Equals(object? obj) => Equals(obj as EndpointMetadata);

    public override int GetHashCode() => _message.GetHashCode();
}
