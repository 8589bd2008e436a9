using System.Text;
using CsCheck;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.ProxyProtocol;

public sealed class ProxyHeaderTests
{
    private static readonly NetAddress s_source4 = NetAddress.Parse("192.0.2.1:1111");
    private static readonly NetAddress s_destination4 = NetAddress.Parse("198.51.100.2:443");
    private static readonly NetAddress s_source6 = NetAddress.Parse("[2001:db8::1]:1111");
    private static readonly NetAddress s_destination6 = NetAddress.Parse("[2001:db8::2]:443");

    public static TheoryData<string, byte[], bool> Headers => new()
    {
        { "version 1, IPv4", ProxyHeaderWriter.Version1(s_source4, s_destination4), false },
        { "version 1, IPv6", ProxyHeaderWriter.Version1(s_source6, s_destination6), true },
        { "version 2, IPv4", ProxyHeaderWriter.Version2(s_source4, s_destination4, [], out _), false },
        { "version 2, IPv6", ProxyHeaderWriter.Version2(s_source6, s_destination6, [], out _), true },
        { "version 2, IPv4, TLVs", ProxyHeaderWriter.Version2(s_source4, s_destination4, [new(1, [1, 2]), new(0xEA, [])], out _), false },
        { "version 2, datagram", Datagram(ProxyHeaderWriter.Version2(s_source6, s_destination6, [], out _)), true },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public void Header_SplitAtEveryByte_IsReadWhenWhole(string label, byte[] bytes, bool is6)
    {
        Assert.NotEmpty(label);
        for (int i = 1; i < bytes.Length; i++)
        {
            Assert.Equal(ProxyHeaderStatus.NeedMore, ProxyHeaderParser.Parse(bytes.AsSpan(0, i), out _));
        }

        Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse([.. bytes, 1, 2], out ProxyHeader header));
        Assert.Equal(bytes.Length, header.Length);
        Assert.Equal(is6 ? s_source6 : s_source4, header.Source);
        Assert.Equal(is6 ? s_destination6 : s_destination4, header.Destination);
    }

    [Fact]
    public void Version1_IsWrittenAsTheSpecificationPrintsIt() => Assert.Equal(
        "PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\n", Encoding.ASCII.GetString(ProxyHeaderWriter.Version1(s_source4, s_destination4)));

    [Fact]
    public void Version2_IsWrittenAsTheSpecificationPrintsIt() => Assert.Equal(
        "0D0A0D0A000D0A515549540A" + "2111" + "000F" + "C0000201" + "C6336402" + "0457" + "01BB" + "EA0000",
        Convert.ToHexString(ProxyHeaderWriter.Version2(s_source4, s_destination4, [new(0xEA, [])], out _)));

    [Theory]
    [InlineData("PROXY UNKNOWN\r\n")]
    [InlineData("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")]
    public void Version1_Unknown_LeavesTheAddresses(string line)
    {
        Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse(Encoding.ASCII.GetBytes(line), out ProxyHeader header));
        Assert.False(header.HasAddresses);
        Assert.Equal(line.Length, header.Length);
    }

    [Theory]
    [InlineData("20" + "00" + "0000", "LOCAL")]
    [InlineData("20" + "11" + "0003" + "EA0000", "LOCAL with bytes to skip")]
    [InlineData("21" + "00" + "0000", "unspecified")]
    [InlineData("21" + "31" + "0003" + "AABBCC", "Unix, skipped")]
    public void Version2_WithoutAddresses_LeavesTheConnectionsOwn(string hex, string label)
    {
        Assert.NotEmpty(label);
        Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse(Binary(hex), out ProxyHeader header));
        Assert.False(header.HasAddresses);
        Assert.Equal(12 + (hex.Length / 2), header.Length);
        Assert.Equal(header.Length, header.TlvStart);
    }

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n")]
    [InlineData("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\0\r\n")]
    [InlineData("PROXY TCP4 0.0.0.0 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 255.255.255.255 1 2\r\n")]
    [InlineData("PROXY TCP6 ff02::1 ::2 1 2\r\n")]
    [InlineData("PROXY TCP6 2001:db8::1 dfff::% 1 2\r\n")]
    [InlineData("PROXY TCP6 fe80::1%2 ::2 1 2\r\n")]
    [InlineData("PROXY TCP6 [::1] ::2 1 2\r\n")]
    [InlineData("PROXY TCP4 010.2.3.4 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n")]
    [InlineData("PROXY \r\n")]
    public void Version1_Wrong_IsMalformed(string line) =>
        Assert.Equal(ProxyHeaderStatus.Malformed, ProxyHeaderParser.Parse(Encoding.ASCII.GetBytes(line), out _));

    [Fact]
    public void Version1_LineWithoutEnd_IsMalformedAt107Bytes() => Assert.Equal(
        ProxyHeaderStatus.Malformed, ProxyHeaderParser.Parse(Encoding.ASCII.GetBytes("PROXY TCP4 " + new string('1', 96)), out _));

    [Theory]
    [InlineData("11" + "11" + "000C", "version 1 in binary")]
    [InlineData("22" + "11" + "000C", "unknown command")]
    [InlineData("21" + "11" + "000B" + "0102030405060708090A0B", "too short for IPv4")]
    [InlineData("21" + "21" + "000C" + "0102030405060708090A0B0C", "too short for IPv6")]
    [InlineData("21" + "11" + "FFFF", "longer than anybody sends")]
    [InlineData("21" + "11" + "000C" + "E00000010102030400010002", "multicast")]
    public void Version2_Wrong_IsMalformed(string hex, string label)
    {
        Assert.NotEmpty(label);
        Assert.Equal(ProxyHeaderStatus.Malformed, ProxyHeaderParser.Parse(Binary(hex), out _));
    }

    [Fact]
    public void Parser_AnyBytes_NeverThrowsAndNeverReadsPastTheHeader() => Gen.Byte.Array[0, 200].Sample(noise =>
    {
        foreach (byte[] start in (byte[][])[[], [.. "PROXY "u8], [.. ProxyHeaderParser.Signature2]])
        {
            byte[] bytes = [.. start, .. noise];
            if (bytes.Length > 0 && ProxyHeaderParser.Parse(bytes, out ProxyHeader header) == ProxyHeaderStatus.Done)
            {
                Assert.InRange(header.Length, 1, bytes.Length);
                Assert.InRange(header.TlvStart, 1, header.Length);
            }
        }
    });

    [Fact]
    public void WriterAndParser_AnyAddressesAndTlvs_Agree() =>
        Gen.Select(Gen.UInt[1, 0xDFFFFFFF], Gen.UShort, Gen.UInt[1, 0xDFFFFFFF], Gen.UShort, Gen.Select(Gen.Byte, Gen.Byte.Array[0, 300]).Array[0, 5])
            .Sample((source, sourcePort, destination, destinationPort, tlvs) =>
            {
                NetAddress from = NetAddress.IPv4(source, sourcePort);
                NetAddress to = NetAddress.IPv4(destination, destinationPort);
                ProxyTlv[] written = Array.ConvertAll(tlvs, tlv => new ProxyTlv(tlv.Item1, tlv.Item2));
                byte[] bytes = ProxyHeaderWriter.Version2(from, to, written, out bool omitted);
                Assert.False(omitted);
                Assert.Equal(ProxyHeaderStatus.Done, ProxyHeaderParser.Parse(bytes, out ProxyHeader header));
                Assert.Equal((from, to), (header.Source, header.Destination));
                var read = new List<ProxyTlv>();
                ReadOnlySpan<byte> rest = bytes.AsSpan(header.TlvStart, header.Length - header.TlvStart);
                while (!rest.IsEmpty)
                {
                    Assert.True(ProxyHeaderParser.TryTakeTlv(ref rest, out byte type, out ReadOnlySpan<byte> value));
                    read.Add(new ProxyTlv(type, value.ToArray()));
                }

                Assert.Equal(written, read);
            });

    private static byte[] Binary(string hex) => [.. ProxyHeaderParser.Signature2, .. Convert.FromHexString(hex)];

    private static byte[] Datagram(byte[] header)
    {
        header[13]++;
        return header;
    }
}
