using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Tests.Registry;

public sealed class PortProtocolsTests
{
    [Theory]
    [InlineData(80, "http-web", "TCP", null, PortProtocol.Http)]
    [InlineData(80, "HTTP2", "TCP", null, PortProtocol.Http2)]
    [InlineData(80, "grpc-web-x", "TCP", null, PortProtocol.GrpcWeb)]
    [InlineData(80, "http", "TCP", "kubernetes.io/h2c", PortProtocol.Http2)]
    [InlineData(80, "http", "TCP", "tcp", PortProtocol.Tcp)]
    [InlineData(80, "", "TCP", null, PortProtocol.Unsupported)]
    [InlineData(3306, "db", "TCP", null, PortProtocol.Tcp)]
    [InlineData(3306, "mysql", "TCP", null, PortProtocol.MySql)]
    [InlineData(53, "http", "UDP", null, PortProtocol.Udp)]
    public void FromKubernetes_PrefersAppProtocolThenNameThenNumber(
        int port, string name, string transport, string? appProtocol, PortProtocol expected) =>
        Assert.Equal(expected, PortProtocols.FromKubernetes(port, name, transport, appProtocol));
}
