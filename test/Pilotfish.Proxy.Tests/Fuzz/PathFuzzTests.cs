using System.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>Path normalisation against the algorithm of RFC 3986 section 5.2.4, applied to strings.</summary>
public sealed class PathFuzzTests
{
    private static readonly Mutator s_paths = new(
        "/a/b/../c", "/a/./b//c/", "/%2e%2E/%61%7Eb/..;x", "/a\\..\\b", "/%252e%252e/x", "/..", "/.", "/a/..", "/a%2fb%5C..%2F.", "/a/b/../../../c/.");

    internal static FuzzTarget Paths { get; } = new("path", Make, Check);

    [Fact]
    public void Path_AnyBytes_IsNormalisedOnceAndForAll() => FuzzRun.Run(Paths);

    private static void Check(byte[] input, Random random)
    {
        if (input is not [(byte)'/', ..])
        {
            // The head parser lets no other path come here.
            return;
        }

        byte[]? normal = PathNormalizer.Normalize(input);
        string? expected = Slow(Encoding.Latin1.GetString(input));
        Assert.Equal(expected, normal is null ? null : Encoding.Latin1.GetString(normal));
        if (normal is null)
        {
            return;
        }

        Assert.Equal(normal, PathNormalizer.Normalize(normal));
        string[] segments = Encoding.Latin1.GetString(normal).Split('/');
        Assert.DoesNotContain("..", segments);
        Assert.DoesNotContain(".", segments);
        Assert.DoesNotContain("//", Encoding.Latin1.GetString(PathNormalizer.MergeSlashes(normal)));
    }

    private static byte[] Make(Random random)
    {
        // Every path that gets here begins with a slash; the head parser sees to it.
        byte[] made = s_paths.Make(random);
        return made.Length > 0 && made[0] == '/' ? made : [(byte)'/', .. made];
    }

    private static string? Slow(string path)
    {
        var decoded = new StringBuilder();
        for (int i = 0; i < path.Length; i++)
        {
            if (path[i] != '%')
            {
                decoded.Append(path[i] == '\\' ? '/' : path[i]);
                continue;
            }

            if (i + 2 >= path.Length || !char.IsAsciiHexDigit(path[i + 1]) || !char.IsAsciiHexDigit(path[i + 2]))
            {
                return null;
            }

            char value = (char)Convert.ToInt32(path.Substring(i + 1, 2), 16);
            if (value == 0)
            {
                return null;
            }

            decoded.Append(char.IsAsciiLetterOrDigit(value) || "-._~".Contains(value, StringComparison.Ordinal) ? value.ToString() : path.Substring(i, 3));
            i += 2;
        }

        return RemoveDotSegments(decoded.ToString());
    }

    // RFC 3986 section 5.2.4, cases B to E; A and D cannot happen behind a leading slash.
    private static string RemoveDotSegments(string input)
    {
        string output = "";
        while (input.Length > 0)
        {
            if (input.StartsWith("/./", StringComparison.Ordinal) || input == "/.")
            {
                input = "/" + input[Math.Min(3, input.Length)..];
            }
            else if (input.StartsWith("/../", StringComparison.Ordinal) || input == "/..")
            {
                input = "/" + input[Math.Min(4, input.Length)..];
                output = output[..Math.Max(0, output.LastIndexOf('/'))];
            }
            else
            {
                int end = input.IndexOf('/', 1);
                end = end < 0 ? input.Length : end;
                output += input[..end];
                input = input[end..];
            }
        }

        return output.Length == 0 ? "/" : output;
    }
}
