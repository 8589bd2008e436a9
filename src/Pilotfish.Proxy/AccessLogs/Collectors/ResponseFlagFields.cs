using System.Numerics;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.data.accesslog.v3.ResponseFlags.</summary>
internal static class ResponseFlagFields
{
    private const int UnauthorizedDetails = 13;
    private const ulong ExternalService = 1;

    // 0 for the flags of drop_overload, which the message has no field for.
    private static readonly byte[] s_fields = Fields();

    /// <summary>Writes nothing for the empty set.</summary>
    public static void Write(WireWriter writer, int field, ResponseFlags flags)
    {
        if (flags.IsEmpty)
        {
            return;
        }

        int start = writer.Begin(field);
        for (uint rest = flags.Bits; rest != 0; rest &= rest - 1)
        {
            int number = s_fields[BitOperations.TrailingZeroCount(rest)];
            if (number == UnauthorizedDetails)
            {
                int details = writer.Begin(number);
                writer.Number(1, ExternalService);
                writer.End(details);
            }
            else if (number != 0)
            {
                writer.Flag(number, true);
            }
        }

        writer.End(start);
    }

    // The message numbers its fields in the flags' own order, up to drop_overload.
    private static byte[] Fields()
    {
        byte[] fields = new byte[ResponseFlagNames.Count];
        for (int flag = 0; flag < (int)ResponseFlag.DropOverload; flag++)
        {
            fields[flag] = (byte)(flag + 1);
        }

        fields[(int)ResponseFlag.DownstreamRemoteReset] = 28;
        return fields;
    }
}
