using System.Text;
using Google.Rpc;

namespace Pilotfish.Proxy.Xds;

/// <summary>The error_detail of a NACK: one line for each refused resource.</summary>
internal static class Refusals
{
    // A control plane logs this text; a push in which everything is wrong must not become a message of megabytes.
    private const int LinesMax = 100;
    private const int InvalidArgument = 3;

    public static Status? Of(ResourceType type, List<RejectedResource> rejected)
    {
        if (rejected.Count == 0)
        {
            return null;
        }

        StringBuilder text = new();
        for (int i = 0; i < Math.Min(rejected.Count, LinesMax); i++)
        {
            text.Append(i == 0 ? "" : "\n").Append(type.ShortName).Append(" resource '").Append(rejected[i].Name)
                .Append("': ").Append(rejected[i].Reason);
        }

        if (rejected.Count > LinesMax)
        {
            text.Append($"\nand {rejected.Count - LinesMax} more");
        }

        return new Status { Code = InvalidArgument, Message = text.ToString() };
    }
}
