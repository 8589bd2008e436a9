using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Matching.Requests;

/// <summary>A request header's value; several are one, joined by commas (<c>envoy.type.matcher.v3.HttpRequestHeaderMatchInput</c>).</summary>
internal sealed class HeaderInput : MatchInput<StreamInfo>
{
    private readonly byte[] _name;

    private HeaderInput(byte[] name) => _name = name;

    public static HeaderInput Compile(ExtensionConfig config)
    {
        string name = config.Parse(HttpRequestHeaderMatchInput.Parser).HeaderName.ToLowerInvariant();
        return name.Length > 0
            ? new HeaderInput(Encoding.ASCII.GetBytes(name == "host" ? ":authority" : name))
            : throw new ConfigRejectedException($"{config.Field}.header_name", "it names no header");
    }

    public override string? Text(StreamInfo facts) => TryBytes(facts, out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value) : null;

    public override bool TryBytes(StreamInfo facts, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (facts.RequestHeaders is not HeaderMap headers || headers.FindSlot(_name) is not (>= 0 and int slot))
        {
            return false;
        }

        value = headers.At(slot).Value;
        if (headers.FindSlot(_name, slot + 1) >= 0)
        {
            value = Joined(headers, slot);
        }

        return true;
    }

    // Repeated headers are rare; the joined value lives only for one comparison.
    private byte[] Joined(HeaderMap headers, int slot)
    {
        var joined = new List<byte>(headers.At(slot).Value.ToArray());
        while ((slot = headers.FindSlot(_name, slot + 1)) >= 0)
        {
            joined.Add((byte)',');
            joined.AddRange(headers.At(slot).Value);
        }

        return [.. joined];
    }
}
