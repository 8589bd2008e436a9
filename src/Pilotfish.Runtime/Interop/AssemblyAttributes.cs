using System.Runtime.CompilerServices;

// Every P/Invoke here is blittable; saying so lets the compiler emit direct calls without marshalling stubs.
[assembly: DisableRuntimeMarshalling]
