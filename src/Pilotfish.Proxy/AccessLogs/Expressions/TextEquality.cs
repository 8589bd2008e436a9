using System.Text;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>Compares UTF-8 with the framework's text without making either into the other.</summary>
internal static class TextEquality
{
    public static bool Equals(ReadOnlySpan<byte> utf8, string text)
    {
        ReadOnlySpan<char> rest = text;
        while (!utf8.IsEmpty)
        {
            Rune.DecodeFromUtf8(utf8, out Rune left, out int bytes);
            if (Rune.DecodeFromUtf16(rest, out Rune right, out int chars) != System.Buffers.OperationStatus.Done || left != right)
            {
                return false;
            }

            utf8 = utf8[bytes..];
            rest = rest[chars..];
        }

        return rest.IsEmpty;
    }
}
