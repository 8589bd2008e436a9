using System.Text;

namespace Pilotfish.Proxy.Xds;

/// <summary>Reads a resource's name from its bytes without parsing the rest.</summary>
internal static class ResourceNames
{
    /// <summary>
    /// Field 1 in every type (name or cluster_name); empty when absent, which owners refuse where they need a name. False with the reason
    /// for bytes that are no message up to there.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out string name, out string? problem)
    {
        var reader = new WireReader(message);
        while (reader.TryNext(out int field, out ReadOnlySpan<byte> bytes))
        {
            if (field == 1)
            {
                name = Encoding.UTF8.GetString(bytes);
                problem = null;
                return true;
            }
        }

        name = "";
        problem = reader.Problem;
        return problem is null;
    }
}
