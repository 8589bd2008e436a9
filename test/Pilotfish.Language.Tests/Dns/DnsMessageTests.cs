using System.Net;
using CsCheck;
using Pilotfish.Language.Dns;

namespace Pilotfish.Language.Tests.Dns;

public sealed class DnsMessageTests
{
    private static readonly DnsMessage s_query = new()
    {
        Id = 0x1234,
        RecursionDesired = true,
        Questions = [new DnsQuestion("reviews.default.svc.cluster.local.", DnsRecordType.A)],
        UdpBytesOffered = 1232,
    };

    [Fact]
    public void Query_ReadsBackEqual()
    {
        DnsMessage read = Parse(s_query.ToBytes());

        Assert.Equal(s_query.Id, read.Id);
        Assert.Equal(s_query.Questions, read.Questions);
        Assert.Equal((ushort)1232, read.UdpBytesOffered);
        Assert.True(read.RecursionDesired);
        Assert.False(read.IsResponse);
    }

    [Fact]
    public void Reply_CompressesNamesAndReadsBack()
    {
        const string Long = "reviews.default.svc.cluster.local.default.svc.cluster.local.";
        DnsMessage reply = s_query.Reply(DnsResponseCode.NOERROR) with
        {
            IsAuthoritative = true,
            Answers =
            [
                DnsRecord.OfAlias(Long, "reviews.default.svc.cluster.local.", 30),
                DnsRecord.OfAddress("reviews.default.svc.cluster.local.", IPAddress.Parse("10.1.2.3"), 30),
                DnsRecord.OfAddress("reviews.default.svc.cluster.local.", IPAddress.Parse("2001:db8::1"), 30),
            ],
        };

        byte[] bytes = reply.ToBytes();
        DnsMessage read = Parse(bytes);

        Assert.Equal(reply.Answers, read.Answers);
        Assert.True(read.IsAuthoritative);
        Assert.InRange(bytes.Length, 100, 170);
    }

    [Fact]
    public void Reply_OverTheLimit_IsTruncatedAndSaysSo()
    {
        DnsMessage reply = s_query.Reply(DnsResponseCode.NOERROR) with
        {
            Answers = [.. Enumerable.Range(0, 100).Select(i =>
                DnsRecord.OfAddress("reviews.default.svc.cluster.local.", new IPAddress([10, 0, 0, (byte)i]), 30))],
        };

        byte[] bytes = reply.ToBytes(DnsMessage.UdpBytesDefault);
        DnsMessage read = Parse(bytes);

        Assert.True(read.IsTruncated);
        Assert.InRange(bytes.Length, 490, 512);
        Assert.InRange(read.Answers.Count, 1, 99);
    }

    [Theory]
    [InlineData(@"a\.b.example.")]
    [InlineData(@"\000\255.example.")]
    [InlineData(".")]
    public void OddName_ReadsBack(string name)
    {
        var query = new DnsMessage { Questions = [new DnsQuestion(name, DnsRecordType.TXT)] };

        Assert.Equal(name, Parse(query.ToBytes()).Questions[0].Name);
    }

    [Fact]
    public void PointerLoop_IsRefused()
    {
        byte[] bytes = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1];

        Assert.False(DnsMessage.TryParse(bytes, out _, out string? problem));
        Assert.Equal("The message has a broken question near byte 12.", problem);
    }

    [Fact]
    public void EveryPrefix_IsRefusedWithoutACrash()
    {
        byte[] bytes = s_query.ToBytes();
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(DnsMessage.TryParse(bytes.AsSpan(0, length), out _, out _));
        }
    }

    [Fact]
    public void AnyBytes_NeverThrow()
    {
        Gen.Byte.Array[0, 80].Sample(bytes => DnsMessage.TryParse(bytes, out _, out _) || true, iter: 20_000);
        byte[] valid = s_query.ToBytes();
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Sample(
            (at, value) =>
            {
                byte[] changed = [.. valid];
                changed[at] = value;
                return DnsMessage.TryParse(changed, out _, out _) || true;
            },
            iter: 5_000);
    }

    private static DnsMessage Parse(byte[] bytes)
    {
        Assert.True(DnsMessage.TryParse(bytes, out DnsMessage? message, out string? problem), problem);
        return message;
    }
}
