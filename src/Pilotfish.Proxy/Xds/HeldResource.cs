using System.Text;

namespace Pilotfish.Proxy.Xds;

/// <summary>The last accepted version of a resource, for later subscribers and for /config_dump. Its bytes are in a <see cref="ResourceArchive"/>.</summary>
internal sealed class HeldResource
{
    private readonly ResourceArchive _archive;
    private readonly int _versionLength;
    private readonly long _updatedTicks;

    internal HeldResource(ResourceArchive archive, string name, int messageLength, int versionLength, DateTimeOffset updated)
    {
        _archive = archive;
        Name = name;
        MessageLength = messageLength;
        _versionLength = versionLength;
        _updatedTicks = updated.UtcTicks;
    }

    public string Name { get; }

    public string Version => Encoding.UTF8.GetString(_archive.Read(this)[MessageLength..]);

    public DateTimeOffset Updated => new(_updatedTicks, TimeSpan.Zero);

    /// <summary>Where the bytes are; null when they were forgotten. The archive's alone, as is <see cref="Offset"/>.</summary>
    internal ResourceArchive.Block? Block { get; set; }

    internal int Offset { get; set; }

    internal int MessageLength { get; }

    /// <summary>Message and version.</summary>
    internal int Size => MessageLength + _versionLength;

    public byte[] Message() => _archive.Read(this)[..MessageLength].ToArray();
}
