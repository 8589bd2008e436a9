namespace Pilotfish.Proxy.Xds;

/// <summary>The last accepted version of a resource, for later subscribers and for /config_dump.</summary>
internal sealed class HeldResource(string name, PackedMessage message, string version, DateTimeOffset updated)
{
    public string Name { get; } = name;

    public string Version { get; } = version;

    public DateTimeOffset Updated { get; } = updated;

    public int KeptBytes => message.KeptBytes;

    public byte[] Message() => message.Unpack();
}
