using System.Security.Cryptography;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>Sprig's encodings, digests and JSON.</summary>
internal static class EncodingFunctions
{
    private const string Base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static void AddTo(GoFunctionSet set)
    {
        set.Add("b64enc", 1, a => GoValue.From(Convert.ToBase64String(Bytes(a))));
        set.Add("b64dec", 1, a => GoValue.From(DecodeBase64(a.Text(0))));
        set.Add("b32enc", 1, a => GoValue.From(EncodeBase32(Bytes(a))));
        set.Add("sha1sum", 1, a => Digest(Sha1(Bytes(a))));
        set.Add("sha256sum", 1, a => Digest(SHA256.HashData(Bytes(a))));
        set.Add("sha512sum", 1, a => Digest(SHA512.HashData(Bytes(a))));
        set.Add("adler32sum", 1, a => GoValue.From((long)Adler32(Bytes(a))));
        foreach (var name in new[] { "toJson", "mustToJson", "toRawJson", "mustToRawJson" })
        {
            var escapesHtml = !name.Contains("Raw", StringComparison.Ordinal);
            set.Add(name, 1, a => GoValue.From(GoJson.Serialize(a[0], isIndented: false, escapesHtml)));
        }

        set.Add("toPrettyJson", 1, a => GoValue.From(GoJson.Serialize(a[0], isIndented: true, escapesHtml: true)));
        set.AddAlias("mustToPrettyJson", "toPrettyJson");
        set.Add("fromJson", 1, a => GoJson.TryParse(a.Text(0), out var value, out _) ? value : GoValue.Nil);
        set.Add("mustFromJson", 1, a => GoJson.TryParse(a.Text(0), out var value, out var error)
            ? value
            : throw new GoFunctionException(error));
        set.Add("uuidv4", 0, _ => GoValue.From(Guid.NewGuid().ToString()));
    }

    private static byte[] Bytes(IReadOnlyList<GoValue> arguments) => Encoding.UTF8.GetBytes(arguments.Text(0));

    private static GoValue Digest(byte[] hash) => GoValue.From(Convert.ToHexStringLower(hash));

    // Templates name SHA-1 for labels and checksums; nothing is protected by it.
#pragma warning disable CA5350
    private static byte[] Sha1(byte[] bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350

    private static string DecodeBase64(string text)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(text));
        }
        catch (FormatException e)
        {
            // Sprig answers with the message in place of the text.
            return e.Message;
        }
    }

    private static string EncodeBase32(byte[] bytes)
    {
        var text = new StringBuilder();
        for (var bit = 0; bit < bytes.Length * 8; bit += 5)
        {
            var value = 0;
            for (var i = bit; i < bit + 5; i++)
            {
                var isSet = i < bytes.Length * 8 && (bytes[i / 8] & (0x80 >> (i % 8))) != 0;
                value = (value << 1) | (isSet ? 1 : 0);
            }

            text.Append(Base32Alphabet[value]);
        }

        return text.Append('=', (8 - (text.Length % 8)) % 8).ToString();
    }

    private static uint Adler32(byte[] bytes)
    {
        const uint Modulus = 65521;
        var (low, high) = (1u, 0u);
        foreach (var b in bytes)
        {
            low = (low + b) % Modulus;
            high = (high + low) % Modulus;
        }

        return (high << 16) | low;
    }
}
