using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>What every attempt to get a certificate needs.</summary>
/// <param name="Loop">The main loop.</param>
/// <param name="Options">What is asked for.</param>
/// <param name="Authority">Who is asked.</param>
/// <param name="Stats">Where it counts.</param>
/// <param name="Random">From 0 to 1.</param>
internal sealed record SigningInputs(
    EventLoop Loop, IdentityOptions Options, ICertificateAuthority Authority, IdentityStats Stats, Func<double> Random);
