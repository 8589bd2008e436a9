using System.Globalization;
using System.IO.Hashing;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>A resource ready to send. Its version is the hash of its bytes: equal content is never sent twice.</summary>
internal sealed record GeneratedResource(string Name, Any Content, string Version)
{
    public static GeneratedResource Of(string name, IMessage message)
    {
        var content = Any.Pack(message);
        var version = XxHash64.HashToUInt64(content.Value.Span).ToString("x16", CultureInfo.InvariantCulture);
        return new GeneratedResource(name, content, version);
    }
}
