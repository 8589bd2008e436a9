using System.Buffers;

namespace Pilotfish.Proxy.Http1;

/// <summary>Character classes of RFC 9110 section 5.6 and RFC 9112.</summary>
internal static class HttpCharacters
{
    /// <summary>tchar.</summary>
    public static readonly SearchValues<byte> Token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>Everything that ends or spoils a field value: control characters except tab. CR is the legal end.</summary>
    public static readonly SearchValues<byte> NotInValue = SearchValues.Create(BuildControls());

    /// <summary>Everything that may not stand in a request target: controls, space, and bytes beyond ASCII.</summary>
    public static readonly SearchValues<byte> NotInTarget = SearchValues.Create(BuildNotInTarget());

    /// <summary>
    /// What a host with its port may consist of (RFC 3986 section 3.2): unreserved, sub-delims, '%', ':', brackets and '@'. Envoy takes the same;
    /// anything else is read as the host's end by some servers and as a part of it by others.
    /// </summary>
    public static readonly SearchValues<byte> Authority = SearchValues.Create(
        "!$%&'()*+,-.:;=@[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>By byte: the lower case of a tchar, 0 for anything else.</summary>
    public static ReadOnlySpan<byte> LowerCaseToken => s_lowerCaseToken;

    private static readonly byte[] s_lowerCaseToken = BuildLowerCaseToken();

    private static byte[] BuildLowerCaseToken()
    {
        byte[] table = new byte[256];
        for (int i = 0; i < 128; i++)
        {
            if (Token.Contains((byte)i))
            {
                table[i] = (byte)char.ToLowerInvariant((char)i);
            }
        }

        return table;
    }

    private static byte[] BuildControls()
    {
        var bytes = new List<byte>();
        for (int i = 0; i < 32; i++)
        {
            if (i != '\t')
            {
                bytes.Add((byte)i);
            }
        }

        bytes.Add(127);
        return [.. bytes];
    }

    private static byte[] BuildNotInTarget()
    {
        var bytes = new List<byte>();
        for (int i = 0; i < 256; i++)
        {
            if (i is <= 32 or >= 127)
            {
                bytes.Add((byte)i);
            }
        }

        return [.. bytes];
    }
}
