using System.IO.Hashing;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Proxy.Streams;

/// <summary>A plain string in the filter state (<c>envoy.string</c>).</summary>
public sealed class FilterStateText(string text, bool keysPool = false) : IFilterStateObject
{
    private byte[]? _message;

    public string Text { get; } = text;

    public ReadOnlyMemory<byte> AnyMessage => _message ??= new Any
    {
        TypeUrl = "type.googleapis.com/google.protobuf.StringValue",
        Value = new StringValue { Value = Text }.ToByteString(),
    }.ToByteArray();

    public string? PlainText => Text;

    public ulong? PoolKeyHash { get; } = keysPool ? XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text)) : null;
}
