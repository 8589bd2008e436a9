using System.Net;
using System.Text;
using CsCheck;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Tests.Sockets;

public sealed class NetAddressTests
{
    [Theory]
    [InlineData("10.1.2.3:80")]
    [InlineData("0.0.0.0:0")]
    [InlineData("255.255.255.255:65535")]
    [InlineData("[::]:1")]
    [InlineData("[::1]:15006")]
    [InlineData("[2001:db8::1:0:0:1]:443")]
    [InlineData("[::ffff:10.0.0.1]:443")]
    [InlineData("[fe80::1%7]:9")]
    [InlineData("[1:0:2:3:4:5:6:7]:9")]
    public void Address_ParsedAndFormatted_IsTheSameText(string text)
    {
        NetAddress address = NetAddress.Parse(text);
        Assert.Equal(text, address.ToString());
        Assert.Equal(address, NetAddress.Parse(address.ToString()));
        Assert.Equal(address.GetHashCode(), NetAddress.Parse(text).GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData(":80")]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.1:80")]
    [InlineData("0x0a.0.0.1:80")]
    [InlineData("10.0.0.1:65536")]
    [InlineData("10.0.0.1:-1")]
    [InlineData("[10.0.0.1]:80")]
    [InlineData("::1:80")]
    [InlineData("localhost:80")]
    [InlineData("unix:")]
    [InlineData("10.0.0.1:80\0")]
    [InlineData("10.0.0.010:80")]
    [InlineData("10.0.0.:80")]
    [InlineData("10.0.0./:80")]
    [InlineData("[::1%]:80")]
    [InlineData("[%1]:80")]
    [InlineData("[[::1]]:80")]
    [InlineData("[[::1]:1]:80")]
    [InlineData("[::ffff:010.0.0.1]:80")]
    [InlineData("[::1/64]:80")]
    public void Address_MalformedText_IsRefused(string text)
    {
        Assert.False(NetAddress.TryParse(text, out _));
        Assert.Throws<FormatException>(() => NetAddress.Parse(text));
    }

    [Fact]
    public void IPv6_RandomGroups_FormatsAsTheFrameworkDoes()
    {
        // Zeros are frequent, so that runs of every length and place occur.
        Gen.OneOf(Gen.Const((ushort)0), Gen.UShort, Gen.Const((ushort)0)).Array[8].Sample(groups =>
        {
            byte[] bytes = [.. groups.SelectMany(group => new[] { (byte)(group >> 8), (byte)group })];
            var ip = new IPAddress(bytes);
            NetAddress address = NetAddress.From(ip, 1);
            bool compatible = groups[..6].All(group => group == 0);

            // The framework shows an IPv4 address in those of ISATAP (RFC 5214) and in translated ones (RFC 2765), inet_ntop(3) does not.
            bool isatap = groups[4] is 0 or 0x200 && groups[5] == 0x5efe;
            bool translated = groups[..4].All(group => group == 0) && groups[4] == 0xffff && groups[5] == 0;
            if (!compatible && !isatap && !translated && !ip.IsIPv4MappedToIPv6)
            {
                Assert.Equal(ip.ToString(), address.IpToString());
            }

            Assert.True(NetAddress.TryParseIp(address.IpToString(), 1, out NetAddress back));
            Assert.Equal(address, back);
        });
    }

    [Theory]
    [InlineData("fe80::5efe:a00:1")]
    [InlineData("2001:db8::200:5efe:c000:201")]
    [InlineData("::ffff:0:c000:201")]
    public void IPv6_ThatHoldsAnIPv4Address_IsShownInGroups(string text)
    {
        Assert.True(NetAddress.TryParseIp(text, 1, out NetAddress address));
        Assert.Equal(text, address.IpToString());
    }

    [Theory]
    [InlineData("10.1.2.3:80")]
    [InlineData("[2001:db8::1%3]:80")]
    [InlineData("unix:/tmp/some.sock")]
    [InlineData("unix:@abstract")]
    public void Address_ThroughTheKernelsLayout_IsUnchanged(string text)
    {
        NetAddress address = NetAddress.Parse(text);
        byte[] native = new byte[NativeAddress.SizeMax];
        int length = NativeAddress.Write(address, native);
        Assert.Equal(address, NativeAddress.Read(native.AsSpan(0, length)));
    }

    [Fact]
    public void UnixPath_LongerThanTheKernelTakes_IsRefused() =>
        Assert.Equal(0, NativeAddress.Write(NetAddress.Unix(new string('x', 108)), new byte[NativeAddress.SizeMax]));

    [Fact]
    public void TryFormat_EveryShortBuffer_WritesNothing()
    {
        foreach (string text in new[] { "10.1.2.3:80", "[2001:db8::1%3]:65535" })
        {
            NetAddress address = NetAddress.Parse(text);
            for (int size = 0; size < text.Length; size++)
            {
                Assert.False(address.TryFormat(new byte[size], out int written));
                Assert.Equal(0, written);
            }

            byte[] exact = new byte[text.Length];
            Assert.True(address.TryFormat(exact, out int all));
            Assert.Equal(text, Encoding.ASCII.GetString(exact, 0, all));
        }
    }

    [Fact]
    public void Unmap_MappedAddress_IsIPv4()
    {
        NetAddress mapped = NetAddress.Parse("[::ffff:127.0.0.1]:80");
        Assert.True(mapped.IsLoopback);
        Assert.Equal(NetAddress.Loopback(80), mapped.Unmap());
        Assert.Equal(NetAddress.LoopbackIPv6(1), NetAddress.LoopbackIPv6(1).Unmap());
    }
}
