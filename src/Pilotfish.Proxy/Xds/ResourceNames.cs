using Google.Protobuf;

namespace Pilotfish.Proxy.Xds;

/// <summary>Reads a resource's name from its bytes without parsing the rest.</summary>
internal static class ResourceNames
{
    /// <summary>
    /// Field 1 in every type (name or cluster_name); empty when absent, which owners refuse where they need a name.
    /// Bad bytes throw <see cref="InvalidProtocolBufferException"/>.
    /// </summary>
    public static string Read(ByteString message)
    {
        CodedInputStream input = message.CreateCodedInput();
        while (input.ReadTag() is uint tag and not 0)
        {
            if (tag == WireFormat.MakeTag(1, WireFormat.WireType.LengthDelimited))
            {
                return input.ReadString();
            }

            input.SkipLastField();
        }

        return "";
    }
}
