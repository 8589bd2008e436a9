using System.Text;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Tests.Cni;

public sealed class JsonLinesTests
{
    [Fact]
    public void Lines_CutAtEveryPlace_ArriveWhole()
    {
        byte[] text = Encoding.UTF8.GetBytes($"one\n\n{new string('x', 70_000)}\nthree\nhalf");
        foreach (int step in new[] { 1, 2, 3, 4095, 65536, text.Length })
        {
            var lines = new List<string>();

            JsonLines.Read(new Steps(text, step), line => lines.Add(Encoding.UTF8.GetString(line.Span)), TestContext.Current.CancellationToken);

            Assert.Equal(["one", new string('x', 70_000), "three"], lines);
        }
    }

    [Fact]
    public void Line_WithoutEnd_IsGivenUpAtTheBound()
    {
        IOException e = Assert.Throws<IOException>(() => JsonLines.Read(
            new Steps(new byte[JsonLines.LineBytesMax + 1], 1 << 20), _ => { }, TestContext.Current.CancellationToken));

        Assert.Contains($"{JsonLines.LineBytesMax}", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Gives so many bytes at a time.</summary>
    private sealed class Steps(byte[] bytes, int step) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(step, buffer.Length)], cancellationToken);
    }
}
