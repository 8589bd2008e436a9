using System.Text;

namespace Pilotfish.Proxy.Xds;

/// <summary>Reads one entry of a response's resources, which is there whole: an Any, or envoy.service.discovery.v3.Resource.</summary>
internal static class DiscoveryItemReader
{
    private const string Wrapper = ResourceType.UrlPrefix + "envoy.service.discovery.v3.Resource";

    // google.protobuf.Any
    private const int TypeUrlField = 1;
    private const int ValueField = 2;

    // envoy.service.discovery.v3.Resource
    private const int VersionField = 1;
    private const int ResourceField = 2;
    private const int NameField = 3;
    private const int AliasesField = 4;

    /// <summary>
    /// Other names of one resource. Each is a string of its own, and two bytes of a response make one: without a bound a response of its allowed
    /// size would fill the process. A virtual host has one for each host that a client asked for it by.
    /// </summary>
    internal const int AliasesMax = 4096;

    /// <summary>An entry of a DeltaDiscoveryResponse.</summary>
    public static DiscoveryItem ReadResource(ReadOnlySpan<byte> bytes, bool pack)
    {
        string name = "";
        string version = "";
        ReadOnlySpan<byte> any = default;
        bool hasMessage = false;
        List<string>? aliases = null;
        var reader = new WireReader(bytes);
        while (reader.TryNext(out int field, out ReadOnlySpan<byte> value))
        {
            switch (field)
            {
                case VersionField:
                    version = Encoding.UTF8.GetString(value);
                    break;
                case ResourceField:
                    any = value;
                    hasMessage = true;
                    break;
                case NameField:
                    name = Encoding.UTF8.GetString(value);
                    break;
                case AliasesField when aliases is null || aliases.Count <= AliasesMax:
                    (aliases ??= []).Add(Encoding.UTF8.GetString(value));
                    break;
                default:
                    break;
            }
        }

        if ((reader.Problem ?? (aliases?.Count > AliasesMax ? $"it has more than {AliasesMax} aliases" : null)) is { } problem)
        {
            return new DiscoveryItem(name, "", version, null, problem);
        }

        return hasMessage
            ? ReadAny(any, out string typeUrl, out ReadOnlySpan<byte> message) is { } bad
                ? new DiscoveryItem(name, "", version, null, bad)
                : new DiscoveryItem(name, typeUrl, version, Keep(message, pack), null) { Aliases = aliases }
            : new DiscoveryItem(name, "", version, null, null) { Aliases = aliases };
    }

    /// <summary>An entry of a DiscoveryResponse, wrapped or not.</summary>
    public static DiscoveryItem ReadAny(ReadOnlySpan<byte> bytes, bool pack)
    {
        if (ReadAny(bytes, out string typeUrl, out ReadOnlySpan<byte> message) is { } problem)
        {
            return new DiscoveryItem("", "", null, null, problem);
        }

        if (typeUrl == Wrapper)
        {
            // The response's version counts in this dialect, whatever the wrapper says.
            return ReadResource(message, pack) with { Version = null };
        }

        return ResourceNames.TryRead(message, out string name, out string? unreadable)
            ? new DiscoveryItem(name, typeUrl, null, Keep(message, pack), null)
            : new DiscoveryItem("", typeUrl, null, null, unreadable);
    }

    // Returns the problem, or null.
    private static string? ReadAny(ReadOnlySpan<byte> bytes, out string typeUrl, out ReadOnlySpan<byte> message)
    {
        typeUrl = "";
        message = default;
        var reader = new WireReader(bytes);
        while (reader.TryNext(out int field, out ReadOnlySpan<byte> value))
        {
            if (field == TypeUrlField)
            {
                typeUrl = ResourceType.InternedUrl(value);
            }
            else if (field == ValueField)
            {
                message = value;
            }
        }

        return reader.Problem;
    }

    private static PackedMessage Keep(ReadOnlySpan<byte> message, bool pack) => pack ? PackedMessage.Pack(message) : PackedMessage.Plain(message);
}
