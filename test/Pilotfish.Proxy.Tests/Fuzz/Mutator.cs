using System.Text;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>Makes near-valid inputs out of valid ones: most of what breaks parsers differs from good input in a byte or two.</summary>
internal sealed class Mutator(params string[] corpus)
{
    private const int MutationsMax = 4;

    // What grammars turn on.
    private static readonly byte[] s_special = "\r\n\t :;,=\"/\\?#%&@.-_+*()<>[]{}0159afAFxXgz\0\u0001\u000b\u000c\u007f\u0080\u00ff"u8.ToArray();

    private readonly byte[][] _corpus = Array.ConvertAll(corpus, Encoding.Latin1.GetBytes);

    public byte[] Make(Random random)
    {
        var bytes = new List<byte>(_corpus[random.Next(_corpus.Length)]);
        for (int i = random.Next(MutationsMax + 1); i > 0; i--)
        {
            Mutate(bytes, random);
        }

        return [.. bytes];
    }

    private void Mutate(List<byte> bytes, Random random)
    {
        int at = random.Next(bytes.Count + 1);
        int length = random.Next(1, 9);
        switch (random.Next(7))
        {
            case 0 when at < bytes.Count:
                bytes[at] = s_special[random.Next(s_special.Length)];
                break;
            case 1 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2 when at < bytes.Count:
                bytes.RemoveRange(at, Math.Min(length, bytes.Count - at));
                break;
            case 3:
                bytes.Insert(at, s_special[random.Next(s_special.Length)]);
                break;
            case 4:
                bytes.InsertRange(at, bytes.GetRange(0, Math.Min(length, bytes.Count)));
                break;
            case 5:
                byte[] other = _corpus[random.Next(_corpus.Length)];
                int from = random.Next(other.Length);
                bytes.InsertRange(at, other[from..Math.Min(other.Length, from + (4 * length))]);
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
    }
}
