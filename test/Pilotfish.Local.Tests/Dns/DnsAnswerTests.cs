using System.Net;
using System.Text;
using CsCheck;
using Pilotfish.Local.Dns;

namespace Pilotfish.Local.Tests.Dns;

public sealed class DnsAnswerTests
{
    private const byte TypeA = 1;
    private const byte TypeAaaa = 28;

    private static readonly DnsTable s_table = new(
        new Dictionary<string, IReadOnlyList<IPAddress>>
        {
            ["web.default.svc.cluster.local"] = [IPAddress.Parse("10.96.0.100")],
            ["many.default.svc.cluster.local"] = [.. Enumerable.Range(1, 60).Select(i => IPAddress.Parse($"10.244.0.{i}"))],
        },
        new Dictionary<string, string> { ["out.default.svc.cluster.local"] = "web.default.svc.cluster.local" });

    [Fact]
    public void A_KnownName_AnswersItsAddressAndEchoesTheQuestion()
    {
        byte[] reply = DnsAnswer.To(Question("WEB.default.svc.cluster.local", TypeA), s_table, isUdp: true)!;

        Assert.Equal([0x12, 0x34], reply[..2]);
        Assert.Equal(0, reply[3] & 0x0F);
        Assert.Equal(1, reply[7]);
        Assert.Equal([10, 96, 0, 100], reply[^4..]);
    }

    [Fact]
    public void Aaaa_NameWithV4Only_IsEmptyButExists()
    {
        byte[] reply = DnsAnswer.To(Question("web.default.svc.cluster.local", TypeAaaa), s_table, isUdp: true)!;

        Assert.Equal(0, reply[3] & 0x0F);
        Assert.Equal(0, reply[7]);
    }

    [Fact]
    public void A_UnknownName_DoesNotExist() =>
        Assert.Equal(3, DnsAnswer.To(Question("nosuch", TypeA), s_table, isUdp: true)![3] & 0x0F);

    [Fact]
    public void A_Alias_AnswersBothRecords() =>
        Assert.Equal(2, DnsAnswer.To(Question("out.default.svc.cluster.local", TypeA), s_table, isUdp: true)![7]);

    [Fact]
    public void A_TooManyForUdp_IsTruncatedAndWholeOverTcp()
    {
        byte[] question = Question("many.default.svc.cluster.local", TypeA);

        byte[] udp = DnsAnswer.To(question, s_table, isUdp: true)!;
        byte[] tcp = DnsAnswer.To(question, s_table, isUdp: false)!;

        Assert.True(udp.Length <= 512);
        Assert.NotEqual(0, udp[2] & 0x02);
        Assert.Equal(60, tcp[7]);
    }

    [Fact]
    public void AnyBytes_NeverThrow() =>
        Gen.Byte.Array[0, 80].Sample(bytes => DnsAnswer.To(bytes, s_table, isUdp: true));

    private static byte[] Question(string name, byte type)
    {
        var bytes = new List<byte> { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (string label in name.Split('.'))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(label));
        }

        bytes.AddRange([0, 0, type, 0, 1]);
        return [.. bytes];
    }
}
