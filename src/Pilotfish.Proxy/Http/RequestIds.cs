using System.Buffers.Binary;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Http;

/// <summary>Makes version 4 UUIDs for x-request-id. They identify, they do not protect: the worker's generator is good enough.</summary>
internal sealed class RequestIds(WorkerRandom random)
{
    public const int Length = 36;

    // The version digit also carries the trace decision: '4' = none was made.
    private const int VersionIndex = 14;
    private const int VariantIndex = 19;

    /// <summary>Takes the trace decision out of an id of this form that somebody else made; other ids stay as they are.</summary>
    public static void ClearTraceReason(HeaderMap headers)
    {
        ReadOnlySpan<byte> id = headers[WellKnownHeader.XRequestId];
        if (id.Length == Length && id[VersionIndex] is (byte)'9' or (byte)'a' or (byte)'b')
        {
            Span<byte> cleared = stackalloc byte[Length];
            id.CopyTo(cleared);
            cleared[VersionIndex] = (byte)'4';
            headers.Set(WellKnownHeader.XRequestId, cleared);
        }
    }

    public void Write(Span<byte> destination)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, random.NextUInt64());
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], random.NextUInt64());
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        int at = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (i is 4 or 6 or 8 or 10)
            {
                destination[at++] = (byte)'-';
            }

            destination[at++] = digits[bytes[i] >> 4];
            destination[at++] = digits[bytes[i] & 15];
        }

        destination[VersionIndex] = (byte)'4';
        destination[VariantIndex] = digits[8 | (bytes[8] >> 4 & 3)];
    }
}
