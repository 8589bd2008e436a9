using System.Text;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

public sealed class ResourceArchiveTests
{
    private static readonly DateTimeOffset s_when = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Resources_OfOneKind_NeedATenthOfTheirBytes()
    {
        var archive = new ResourceArchive();
        var held = new List<HeldResource>();
        long bytes = 0;
        for (int i = 0; i < 1000; i++)
        {
            byte[] message = Message(i, 500);
            bytes += message.Length;
            held.Add(archive.Keep($"r{i}", message, $"v{i}", s_when));
        }

        Assert.InRange(archive.KeptBytes, 1, bytes / 10 + ResourceArchive.BlockBytes);
        for (int i = 0; i < held.Count; i++)
        {
            Assert.Equal(Message(i, 500), held[i].Message());
            Assert.Equal($"v{i}", held[i].Version);
            Assert.Equal(s_when, held[i].Updated);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(ResourceArchive.BlockBytes - 1)]
    [InlineData(ResourceArchive.BlockBytes)]
    [InlineData(3_000_000)]
    public void Resource_OfAnySize_ComesBackAsItWas(int length)
    {
        var archive = new ResourceArchive();
        HeldResource before = archive.Keep("before", Message(1, 100), "1", s_when);
        byte[] message = new byte[length];
        new Random(length).NextBytes(message);
        HeldResource held = archive.Keep("r", message, "", s_when);
        HeldResource after = archive.Keep("after", Message(2, 100), "2", s_when);
        Assert.Equal(message, held.Message());
        Assert.Equal("", held.Version);
        Assert.Equal(Message(1, 100), before.Message());
        Assert.Equal(Message(2, 100), after.Message());
    }

    [Fact]
    public void Resource_ThatChangesAllTheTime_NeedsTheRoomOfOne()
    {
        var archive = new ResourceArchive();
        HeldResource other = archive.Keep("other", Message(0, 300), "0", s_when);
        HeldResource held = archive.Keep("r", Message(0, 300), "0", s_when);
        for (int i = 1; i < 5000; i++)
        {
            archive.Drop(held);
            held = archive.Keep("r", Message(i, 300), $"{i}", s_when);
        }

        Assert.InRange(archive.KeptBytes, 600, 2 * ResourceArchive.BlockBytes);
        Assert.Equal(Message(4999, 300), held.Message());
        Assert.Equal(Message(0, 300), other.Message());
    }

    [Fact]
    public void Resources_KeptAndDroppedAtRandom_AreWhatADictionaryHolds()
    {
        const int Seed = 20261126;
        var random = new Random(Seed);
        var archive = new ResourceArchive();
        var held = new Dictionary<int, HeldResource>();
        var model = new Dictionary<int, (byte[] Message, string Version)>();
        for (int step = 0; step < 20_000; step++)
        {
            int key = random.Next(300);
            if (held.Remove(key, out HeldResource? old))
            {
                model.Remove(key);
                archive.Drop(old);
            }

            if (random.Next(3) > 0)
            {
                byte[] message = Message(step, random.Next(50) == 0 ? random.Next(80_000) : random.Next(2000));
                model[key] = (message, $"v{step}");
                held[key] = archive.Keep($"r{key}", message, $"v{step}", s_when);
            }

            int asked = random.Next(300);
            Assert.Equal(model.ContainsKey(asked), held.ContainsKey(asked));
            if (held.TryGetValue(asked, out HeldResource? found))
            {
                Assert.True(model[asked].Message.AsSpan().SequenceEqual(found.Message()), $"step {step} of seed {Seed}");
                Assert.Equal(model[asked].Version, found.Version);
            }
        }

        Assert.Throws<InvalidOperationException>(() =>
        {
            HeldResource gone = archive.Keep("gone", [1], "1", s_when);
            archive.Drop(gone);
            archive.Drop(gone);
            return gone.Message();
        });
    }

    private static byte[] Message(int number, int length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"outbound|80||svc-{number}.default.svc.cluster.local;envoy.transport_sockets.tls;");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }
}
