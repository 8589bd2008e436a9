using System.IO.Hashing;
using System.Text;

namespace Pilotfish.Proxy.Streams;

/// <summary>A plain string in the filter state (<c>envoy.string</c>).</summary>
public sealed class FilterStateText(string text, bool keysPool = false) : IFilterStateObject
{
    public string Text { get; } = text;

    public string? PlainText => Text;

    public ulong? PoolKeyHash { get; } = keysPool ? XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text)) : null;
}
